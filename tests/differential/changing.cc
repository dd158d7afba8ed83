#include "changing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "dataplane/plan.h"
#include "model/print.h"

namespace durward::differential {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 20s;
constexpr unsigned people_at_first = 10, people_to_come = 4;
constexpr unsigned asked_before = 15, asked_at_pause = 4, asked_after = 25;
constexpr unsigned reload_percent = 20, event_percent = 15, crossings_max = 2, pauses_likely = 20;
constexpr auto lives = std::chrono::days(400);
constexpr const char* hosts[] = {"a.test", "b.test", "c.test"};

}  // namespace

// Reloads go by the master's socket, so their steps are the reconciler's own reports.
class Changing::Pauses final : public dataplane::Observer {
 public:
  explicit Pauses(Changing& owner) : owner_(owner) {}
  void injected(std::size_t, std::chrono::microseconds) override {}
  void revoked(std::size_t, std::size_t) override {}
  void applied(const generation::Generation&, const dataplane::Plan&, std::chrono::microseconds) override {}
  void reloading(int, std::uint64_t) override {
    if (owner_.reloading_) owner_.pause("the reload");
  }
  void reloaded() override {
    if (owner_.reloading_) owner_.pause("the resync of the new worker");
  }
  void resynced(const std::string&, std::chrono::microseconds) override {}
  void failed(const Error& error) override { errors_.lock()->push_back(error.code + " " + error.message); }
  void found(const std::vector<int>&) override {}
  void draining(int, sys::Fd) override {}
  void drained(int) override {}
  void worker_ended(int, std::uint64_t) override {}

  Guarded<std::vector<std::string>> errors_;

 private:
  Changing& owner_;
};

Changing::Changing(std::uint64_t seed, std::uint16_t upstream)
    : random_(seed),
      ports_{.plain = testing::free_port(), .tls = testing::free_port(), .upstream = upstream},
      clock_(sys_seconds{}),
      observer_(std::make_unique<Pauses>(*this)),
      client_(ports_) {
  const std::string inside = state_.paths().run() + "/in";
  std::filesystem::create_directories(inside);
  std::filesystem::permissions(inside, std::filesystem::perms::owner_all);
  relay_ = std::make_unique<Relay>(state_.paths().admin_socket(), inside + "/admin.sock");
  log_ = Log::open(inside + "/log.sock", state_.paths().log(), real_clock_);
  estate_ = random_.estate();
  serve_at(estate_, ports_);
  started_ = random_.probe(estate_).request.at - 1s;
  end_ = started_ + lives;
  clock_.advance(started_.time_since_epoch());
}

Changing::~Changing() {
  relay_->before_commands({});
  reconciler_.reset();
}

policy::PolicySetPtr Changing::compiled(const model::Model& estate) {
  Diagnostics diagnostics;
  auto out = policy::compile(testing::shared(estate), diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << render_text(diagnostics);
  return out;
}

bool Changing::start() {
  old_ = observable(compiled(estate_), started_, "${DURWARD_RUN}/in");
  if (!log_ || !old_ || !install_certificate(state_.paths()) || !write_time(state_.paths(), now()))
    return false;
  reconciler_ = std::make_unique<dataplane::Reconciler>(dataplane::Reconciler::Options{
      .store = store_,
      .clock = clock_,
      .observer = *observer_,
      .haproxy = state_.haproxy(),
      .identity_row = [](const session::HostSession&) -> Result<std::string> { return "ann|-|-|x"; }});
  reconciler_->start();
  const auto done = reconciler_->apply(old_);
  EXPECT_TRUE(done) << done.error().message;
  if (!done) return false;
  worker_ = reconciler_->status().worker;
  judged_by_[worker_] = {old_};
  return true;
}

// Those of the last change go, others come; the clock stands a second before something happens.
bool Changing::bring_in_people() {
  const sys_seconds next = random_.probe(estate_).request.at - 1s;
  if (next > now() && next < started_ + lives / 2 && !move_clock(next)) return false;
  std::vector<Person*> go, come;
  auto before = std::move(people_);
  for (auto& person : before)
    if (person.state == State::present) go.push_back(&person);
  people_.assign(people_at_first + people_to_come, {});
  for (auto& person : people_) {
    do {
      person.as = random_.probe(estate_);
    } while (!person.as.subject.signed_in);
    if (person.as.subject.auth_time) *person.as.subject.auth_time += now() - person.as.request.at;
    person.as.request.at = now();
    person.token = maker_.token();
    person.bearer = random_.chance(30);
    if (come.size() < people_at_first) come.push_back(&person);
  }
  // The second waits for a whole round of the reconciler, which has then seen the clock.
  return store(come, {}, true) && store({}, go, true);
}

bool Changing::store(const std::vector<Person*>& come, const std::vector<Person*>& go, bool wait) {
  store::Transaction all;
  for (auto* person : come) {
    for (const auto* host : hosts) {
      const auto session = host_session(person->as.subject, host, person->token, end_, person->bearer);
      all.puts.push_back({"session/" + session.key, session::write(session)});
    }
    person->state = wait ? State::present : State::arriving;
    person->worker = worker_;
  }
  for (auto* person : go) {
    for (const auto* host : hosts)
      all.deletes.push_back("session/" + session::session_key(host, person->token));
    person->state = wait ? State::gone : State::leaving;
  }
  if (all.puts.empty() && all.deletes.empty()) all.puts.push_back({"tick", "x"});
  const auto done = store_.transact(all);
  EXPECT_TRUE(done && done->applied);
  return done && done->applied && (!wait || wait_for(done->revision));
}

bool Changing::wait_for(store::Revision revision) {
  const auto done = reconciler_->await(revision, patience);
  EXPECT_TRUE(done) << done.error().message;
  return done.has_value();
}

bool Changing::move_clock(sys_seconds to) {
  const auto processes = state_.haproxy().processes();
  if (!processes || processes->worker != worker_ || !write_time(state_.paths(), to)) return false;
  std::vector<int> pids = processes->old_workers;
  for (const int pid : pids) {
    const auto told = state_.haproxy().master().ask_worker(pid, time_command(to));
    if (!told) judged_by_.erase(pid);  // it has just ended
  }
  const auto told = state_.haproxy().master().ask_worker(worker_, time_command(to));
  clock_.advance(to - now());
  return told.has_value();
}

bool Changing::change(unsigned number) {
  updates_.push_back({.number = number});
  wanted_ = random_.changed(estate_);
  if (random_.chance(reload_percent)) wanted_.gateway.timeout_server += 1s;
  serve_at(wanted_, ports_);
  new_ = observable(compiled(wanted_), started_, "${DURWARD_RUN}/in");
  if (!new_ || !bring_in_people()) return false;
  ask(asked_before, "before the change");
  reloading_ = dataplane::diff(old_.get(), *new_).kind == dataplane::Plan::Kind::reload;
  updates_.back().reload = reloading_;
  turning_points_.clear();
  for (unsigned i = 0; i < crossings_max; ++i) turning_points_.insert(random_.below(pauses_likely));
  if (!reloading_) judged_by_[worker_] = {old_, new_};
  relay_->before_commands([this](const std::string& command) { pause("'" + command + "'"); });
  const auto done = reconciler_->apply(new_);
  relay_->before_commands({});
  EXPECT_TRUE(done) << done.error().message;
  if (!done) return false;
  worker_ = reconciler_->status().worker;
  for (auto& [pid, generations] : judged_by_)
    generations.clear();  // those that were replaced answer nothing new
  judged_by_[worker_] = {new_};
  estate_ = wanted_;
  old_ = new_;
  reloading_ = false;
  ask(asked_after, "when the change is in force, logins and revocations are not");
  if (!store({}, {}, true)) return false;
  for (auto& person : people_) {
    if (person.state == State::arriving) person.state = State::present;
    if (person.state == State::leaving) person.state = State::gone;
  }
  ask(asked_after, "after the change");
  return true;
}

// The reconciler stands still meanwhile.
void Changing::pause(const std::string& before) {
  auto& update = updates_.back();
  const auto processes = state_.haproxy().processes();
  // A worker that nobody has told of yet is the one that a reload has made.
  if (processes && processes->worker != 0 && !judged_by_.contains(processes->worker))
    judged_by_[processes->worker] = {new_};
  if (turning_points_.contains(update.pauses++) && processes && processes->worker == worker_ &&
      processes->old_workers.empty())
    move_clock(now() + 1s);
  if (random_.chance(event_percent)) something_happens();
  ask(asked_at_pause, fmt::format("pause {}, before {}", update.pauses, before.substr(0, 100)));
}

// Somebody logs in, or is logged out; HAProxy hears of it when the reconciler goes on.
void Changing::something_happens() {
  auto& person = people_[random_.below(static_cast<unsigned>(people_.size()))];
  if (person.state == State::absent) store({&person}, {}, false);
  if (person.state == State::present) store({}, {&person}, false);
}

void Changing::ask(unsigned requests, const std::string& when) {
  for (unsigned i = 0; i < requests; ++i) ask_one(when);
}

void Changing::ask_one(const std::string& when) {
  auto suggested = random_.probe(random_.chance(50) ? estate_ : wanted_);
  const Person* person =
      random_.chance(75) ? &people_[random_.below(static_cast<unsigned>(people_.size()))] : nullptr;
  suggested.request.at = now();
  suggested.subject = person ? person->as.subject : testing::nobody();
  Outcome outcome;
  outcome.probe =
      maker_.make(suggested, now(), person ? person->token : "", person != nullptr && person->bearer);
  outcome.answer = client_.ask(outcome.probe);
  // A connection that a reload has closed meanwhile is no answer; the request may be sent again.
  if (!outcome.answer) outcome.answer = client_.ask(outcome.probe);
  outcome.id = logged_as(outcome.answer);
  outcome.right = right_answers(outcome.probe, person, worker_of(outcome.id), when);
  outcomes_.push_back(std::move(outcome));
  ++updates_.back().requests;
}

std::vector<Candidate> Changing::right_answers(const Probe& probe, const Person* person, int worker,
                                               const std::string& when) {
  std::vector<Candidate> out;
  const auto known = judged_by_.find(worker);
  const auto generations =
      known != judged_by_.end() ? known->second : std::vector<generation::GenerationPtr>{old_, new_};
  if (generations.empty()) {
    out.push_back(candidate(new_, testing::nobody(), probe, when + "; by a worker that was replaced"));
    out.back().refused = true;
  }
  for (const auto& generation : generations)
    for (const auto& subject : may_be(person, worker))
      out.push_back(candidate(generation, subject, probe,
                              fmt::format("{}; by {} as {}", when,
                                          generation->name == old_->name ? "the old estate" : "the new one",
                                          subject.signed_in ? "this person" : "nobody")));
  // A new worker is not given the identity of who just went, nor the facts about a class that nobody is in
  // any more; the row of the session goes a moment later. In between that person is refused.
  if (reloading_ && person && person->state == State::leaving) {
    out.push_back(out.front());
    out.back().about += ", refused on the way out";
    out.back().refused = true;
  }
  return out;
}

// Whoever comes or goes is one or the other until that is acknowledged. A worker that drains is not told who
// comes, but who goes.
std::vector<model::Subject> Changing::may_be(const Person* person, int worker) const {
  if (!person) return {testing::nobody()};
  const model::Subject& subject = person->as.subject;
  switch (person->state) {
    case State::absent:
    case State::gone:
      return {testing::nobody()};
    case State::arriving:
    case State::leaving:
      return {subject, testing::nobody()};
    case State::present:
      break;
  }
  const bool told = worker == 0 || worker >= person->worker || worker == worker_;
  return told ? std::vector<model::Subject>{subject}
              : std::vector<model::Subject>{subject, testing::nobody()};
}

std::string Changing::judge() {
  relay_->before_commands({});
  // What a worker has not sent when it ends goes with it; Durward's log then says how many lines are missing.
  std::vector<std::string> ids;
  for (auto& outcome : outcomes_) {
    outcome.unlogged = worker_of(outcome.id) != worker_;
    if (!outcome.unlogged) ids.push_back(outcome.id);
  }
  const auto log = log_->close(ids);
  for (const auto& outcome : outcomes_) {
    const auto event = outcome.id.empty() ? log.end() : log.find(outcome.id);
    if (event == log.end() && !outcome.id.empty()) ++updates_.back().unlogged;
    const auto differs = difference(outcome, event == log.end() ? nullptr : &event->second);
    if (differs.empty()) continue;
    std::string out =
        fmt::format("{}status {}, worker {} of {}\n{}", describe(outcome.probe),
                    outcome.answer ? outcome.answer->status : 0, worker_of(outcome.id), worker_, differs);
    std::set<std::string> printed;
    for (const auto& right : outcome.right)
      if (printed.insert(right.generation->name).second)
        out += fmt::format("---- estate {}\n{}", right.generation->name,
                           model::print(*right.generation->policies->model));
    return out;
  }
  std::string errors;
  for (const auto& error : *observer_->errors_.lock()) errors += "the reconciler says: " + error + "\n";
  return errors;
}

}  // namespace durward::differential
