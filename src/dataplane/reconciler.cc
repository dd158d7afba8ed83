#include "dataplane/reconciler.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <future>
#include <optional>

#include "base/mutant.h"
#include "dataplane/draining.h"
#include "dataplane/live.h"
#include "dataplane/map_changes.h"
#include "dataplane/mirror.h"
#include "dataplane/renewal.h"
#include "generation/rows.h"
#include "sys/process.h"

namespace durward::dataplane {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::steady_clock;
using std::chrono::sys_seconds;

constexpr auto idle_wait = 100ms;  // the longest a change waits when nothing wakes us
constexpr auto supervise_interval = 500ms;
constexpr auto retry_interval = 200ms;
constexpr auto busy_wait = 5ms;         // while a map is being renewed
constexpr auto refresh_interval = 10s;  // of bearers
constexpr auto lost_patience = 5s;      // for a master without a worker
constexpr auto start_grace = 20s;       // how long an ordered start may take
constexpr auto log_patience = 3s;       // for the ring to connect to the log's reader; it tries each second
constexpr auto closing_time = 300ms;    // for clients that ask often to be on no idle connection at a reload
constexpr unsigned generations_kept = 50;

microseconds since(steady_clock::time_point start) {
  return std::chrono::duration_cast<microseconds>(steady_clock::now() - start);
}

}  // namespace

struct Reconciler::Shared {
  struct Job {
    std::function<Status()> run;
    std::optional<Status> done;
  };
  struct State {
    std::deque<std::shared_ptr<Job>> jobs;
    DataplaneStatus status;
    bool stopping = false;
  };
  Guarded<State> state;
  std::condition_variable changed;
};

// Everything here runs on the reconciler's thread.
class Reconciler::Worker {
 public:
  Worker(Options options, Shared& shared)
      : options_(std::move(options)),
        shared_(shared),
        mirror_({options_.store, options_.identity_row}),
        live_(options_.haproxy, mirror_),
        draining_(live_, options_.observer),
        changes_(live_),
        renewal_(mirror_, live_, {.identity_lifetime = options_.identity_lifetime}) {}

  void run() {
    while (!stopping()) {
      run_jobs();
      if (auto done = step(); !done) trouble(done.error());
      publish();
    }
  }

  Status apply(const generation::GenerationPtr& wanted) {
    const auto start = steady_clock::now();
    auto writing = std::async(std::launch::async, [&] { return options_.haproxy.write(*wanted); });
    const Plan plan = diff(current_.get(), *wanted);
    const bool flips = plan.kind != Plan::Kind::reload;
    if (!flips)
      if (auto ready = written(writing, *wanted); !ready) return ready;
    renewal_.abandon();
    // From here on every class answers for the old policies and for the new.
    if (auto loaded = mirror_.open_transition(*wanted, now()); !loaded) return loaded;
    auto done = flips ? send_facts() : Status{};
    // On the disk before it is in force. The facts that were sent meanwhile do no harm.
    if (done && flips)
      if (auto ready = writing.get(); !ready) {
        mirror_.abandon_transition();
        return ready;
      }
    if (done) done = flips ? flip(*wanted, plan) : restart(*wanted, plan);
    if (!done) {
      mirror_.abandon_transition();
      in_sync_ = false;
      return done;
    }
    current_ = wanted;
    mirror_.close_transition(now());
    renewal_.policies_changed(now());
    if (auto pruned = options_.haproxy.prune(generations_kept); !pruned)
      options_.observer.failed(pruned.error());
    options_.observer.applied(*wanted, plan, since(start));
    return {};
  }

  Status replace_certificate(const std::string& name, const std::string& pem) {
    return live_.replace_certificate(name, pem);
  }

 private:
  bool stopping() { return shared_.state.lock()->stopping; }
  sys_seconds now() const { return options_.clock.now_seconds(); }

  void run_jobs() {
    for (;;) {
      std::shared_ptr<Shared::Job> job;
      {
        auto state = shared_.state.lock();
        if (state->jobs.empty()) return;
        job = state->jobs.front();
        state->jobs.pop_front();
      }
      Status result = job->run();
      {
        auto state = shared_.state.lock();
        job->done = std::move(result);
      }
      publish();
    }
  }

  Status step() {
    if (!current_) {
      auto state = shared_.state.lock();
      shared_.changed.wait_for(state.lock(), idle_wait,
                               [&] { return state->stopping || !state->jobs.empty(); });
      return {};
    }
    if (auto ready = supervise(); !ready) return ready;
    if (!in_sync_)
      if (auto synced = resync("state unknown"); !synced) return synced;
    if (auto followed = follow(); !followed) return followed;
    return timers();
  }

  void trouble(const Error& error) {
    in_sync_ = false;
    live_.hang_up();
    if (error.message != problem_) options_.observer.failed(error);
    problem_ = error.message;
    std::this_thread::sleep_for(retry_interval);
  }

  // ---- the process ---------------------------------------------------------------------------------

  // Finds HAProxy; notices starts that nobody ordered; starts it when it is ours to start.
  Status supervise() {
    const auto now_steady = steady_clock::now();
    if (in_sync_ && now_steady - supervised_ < supervise_interval) return {};
    supervised_ = now_steady;
    auto processes = options_.haproxy.processes();
    if (!processes || processes->worker == 0) return revive(processes);
    master_ = processes->master;
    lost_since_ = {};
    if (processes->worker != live_.worker() && !(mutant("foreign-start-unnoticed") && in_sync_)) {
      const bool foreign = live_.worker() != 0;
      draining_.find(processes->worker, processes->old_workers);
      draining_.turn_to(processes->worker);
      return resync(foreign ? "HAProxy was restarted by someone else" : "found HAProxy running");
    }
    draining_.watch(processes->old_workers);
    if (auto log = watch_log(); !log) return log;
    return in_sync_ && !mutant("drift-unnoticed") ? live_.check_samples() : Status{};
  }

  // HAProxy 3.0 does not notice that the reader has closed its end (2.6 does): the ring's stream waits for
  // ever, and nothing is sent.
  Status watch_log() {
    const auto now_steady = steady_clock::now();
    if (!options_.log_connected || options_.log_connected()) {
      log_lost_since_ = {};
      return {};
    }
    if (log_lost_since_ == steady_clock::time_point{}) log_lost_since_ = now_steady;
    if (now_steady - log_lost_since_ < log_patience) return {};
    log_lost_since_ = now_steady;
    return live_.reconnect_log();
  }

  // A second HAProxy beside a first one would be worse than none: while the master lives, for example in the
  // middle of a reload that someone else ordered, we wait for it.
  Status revive(const Result<Processes>& processes) {
    if (!options_.start_haproxy)
      return fail("DAT041", "HAProxy is not running", "start its unit; until then nothing is served");
    if (processes || sys::alive(master_)) {
      if (lost_since_ == steady_clock::time_point{}) lost_since_ = steady_clock::now();
      if (steady_clock::now() - lost_since_ < lost_patience)
        return fail("DAT043", "HAProxy's master runs but has no worker, or does not answer");
      if (auto stopped = options_.haproxy.stop(); !stopped) return stopped;
    }
    lost_since_ = {};
    return order_start("HAProxy was not running");
  }

  Status order_start(const std::string& reason) {
    if (auto started = start_ours(); !started) return started;
    return resync(reason);
  }

  // ---- generations ---------------------------------------------------------------------------------

  Status written(std::future<Status>& writing, const generation::Generation& wanted) {
    if (auto done = writing.get(); !done) return done;
    return options_.haproxy.check(wanted);
  }

  // The new policies' facts, before anything leads to them.
  Status send_facts() {
    if (mutant("routes-before-verdicts")) return {};
    if (auto facts = live_.send(mirror_.transition()); !facts) return facts;
    if (mutant("remove-old-verdicts-too-early"))
      if (auto gone = live_.replace_verdicts(mirror_.transition().facts); !gone) return gone;
    return live_.set_slots(now());
  }

  // Only maps change, routes.map last: with its rows the policies flip.
  Status flip(const generation::Generation& wanted, const Plan& plan) {
    for (const auto& change : plan.maps)
      if (auto done = changes_.apply(change, *current_, wanted); !done) return done;
    if (mutant("routes-before-verdicts"))
      if (auto late = live_.send(mirror_.transition()); !late) return late;
    if (auto published = options_.haproxy.publish(wanted); !published) return published;
    return live_.set_generation(wanted.name);
  }

  Status restart(const generation::Generation& wanted, const Plan& plan) {
    auto processes = options_.haproxy.processes();
    const bool running = processes && processes->worker != 0;
    if (running) draining_.find(processes->worker, processes->old_workers);
    const auto before = current_;
    current_ = std::make_shared<generation::Generation>(wanted);
    if (!before && running && will_do(processes->worker, wanted)) {
      if (auto published = options_.haproxy.publish(wanted); !published) return published;
      if (auto turned = turn_classes(); !turned) return turned;
      return resync("found HAProxy running with this configuration");
    }
    if (!running && !options_.start_haproxy) return leave_to_supervisor();
    auto done = running ? reload(processes->worker) : start_ours();
    if (!done) {
      current_ = before;
      if (before)
        options_.haproxy.publish(*before).map_error([&](const Error& e) { options_.observer.failed(e); });
      return done;
    }
    if (running) ++reloads_;
    return resync(running ? "reload: " + plan.reason : plan.reason);
  }

  // We tell people apart by what the policies of today name; an earlier run may have told them apart by more,
  // and a resync takes away the facts that it does not know. So all get today's class first.
  Status turn_classes() {
    if (mutant("restart-drops-classes-in-use")) return {};
    Delta today{.facts = mirror_.all_facts(now()), .put = {}, .gone = {}};
    for (const auto& row : mirror_.table_rows()) today.put.push_back({row, "", true});
    return live_.send(today);
  }

  // After a restart of Durward alone: no reload when HAProxy was started with what is wanted.
  bool will_do(int worker, const generation::Generation& wanted) {
    live_.attach(worker);
    const auto name = live_.running_generation();
    const auto config =
        name ? options_.haproxy.read_config(*name) : Result<std::string>(tl::unexpected(name.error()));
    if (!config || !same_config(*config, wanted.config)) return false;
    // With other rules in force, classes and policies would be replaced under the requests in flight, and we
    // do not know the old ones any more: a new worker starts with all of the new.
    return mutant("restart-turns-rules-in-place") || live_.generation_in_force().value_or("") == wanted.name;
  }

  // HAProxy finds the gate shut when its supervisor starts it; supervise() then fills it.
  Status leave_to_supervisor() {
    in_sync_ = false;
    if (auto written = write_runtime(false); !written) return written;
    return options_.haproxy.publish(*current_);
  }

  Status start_ours() {
    if (auto written = write_runtime(true); !written) return written;
    if (auto published = options_.haproxy.publish(*current_); !published) return published;
    auto worker = options_.haproxy.start();
    if (!worker) return tl::unexpected(worker.error());
    live_.attach(*worker);
    draining_.find(*worker, {});
    return {};
  }

  Status reload(int old_worker) {
    if (auto written = write_runtime(true); !written) return written;
    if (auto published = options_.haproxy.publish(*current_); !published) return published;
    options_.observer.reloading(old_worker, live_.last_sequence(old_worker).value_or(0));
    if (auto closing = live_.set_closing(true); !closing) return closing;
    std::this_thread::sleep_for(closing_time);
    auto worker = options_.haproxy.reload(old_worker);
    if (!worker) {
      live_.set_closing(false).map_error([&](const Error& e) { options_.observer.failed(e); });
      return tl::unexpected(worker.error());
    }
    options_.observer.reloaded();
    draining_.turn_to(*worker);
    draining_.add(old_worker);
    return {};
  }

  // What a starting HAProxy reads. Only an ordered start finds the gate open.
  Status write_runtime(bool ordered) {
    return mirror_.write_files(
        options_.haproxy.paths().runtime(), *current_,
        {.now = now(), .lease_end = now() + lease(), .gate = ordered ? now() + start_grace : sys_seconds{}});
  }

  std::chrono::seconds lease() const { return current_->policies->model->gateway.lease; }

  Status resync(const std::string& reason) {
    const auto start = steady_clock::now();
    in_sync_ = false;
    auto revision = mirror_.reload(now());
    if (!revision) return tl::unexpected(revision.error());
    if (auto done = live_.resync(*current_, now(), now() + lease()); !done) return done;
    draining_.retire();
    changes_.forget();
    renewal_.restart(now());
    effective_ = *revision;
    lease_end_ = now() + lease();
    leased_ = steady_clock::now();
    next_slot_ = mirror_.next_slot_change(now());
    // A foreign start must find the gate shut again.
    if (auto closed = write_runtime(false); !closed) return closed;
    in_sync_ = true;
    problem_.clear();
    ++resyncs_;
    tell_problems();
    options_.observer.resynced(reason, since(start));
    return {};
  }

  // ---- sessions ------------------------------------------------------------------------------------

  Status follow() {
    auto changes = options_.store.wait("", effective_, renewal_.busy() ? busy_wait : idle_wait);
    if (!changes) {
      if (changes.error().code == "STO004") return resync("the store's history was compacted");
      return tl::unexpected(changes.error());
    }
    if (changes->empty()) return {};
    const auto start = steady_clock::now();
    auto delta = mirror_.take(*changes, now());
    if (!delta) return tl::unexpected(delta.error());
    if (auto done = live_.send(*delta); !done) return tl::unexpected(done.error());
    effective_ = changes->back().revision;
    publish();
    tell_problems();
    if (!delta->put.empty()) options_.observer.injected(delta->put.size(), since(start));
    if (!delta->gone.empty()) options_.observer.revoked(delta->gone.size(), live_.take_streams_cut());
    return {};
  }

  void tell_problems() {
    for (const auto& problem : mirror_.take_problems()) options_.observer.failed(problem);
  }

  Status timers() {
    const auto now_steady = steady_clock::now();
    if (now_steady - leased_ > lease() / 4 || clock_stepped()) {
      lease_end_ = now() + lease();
      if (auto done = live_.set_lease(lease_end_); !done) return done;
      leased_ = now_steady;
    }
    if (now() + 1s >= next_slot_) {
      if (auto done = live_.set_slots(now()); !done) return done;
      next_slot_ = mirror_.next_slot_change(now() + 1s);
    }
    if (auto renewed = renewal_.step(now()); !renewed) return renewed;
    tell_problems();
    if (now_steady - refreshed_ < refresh_interval) return {};
    refreshed_ = now_steady;
    Delta delta;
    for (const auto& row : mirror_.bearers()) delta.put.push_back({row, "", true});
    return live_.send(delta);
  }

  // The lease is an instant of the wall clock: after a step it would end too early or far too late.
  bool clock_stepped() const {
    const auto left = lease_end_ - now();
    return !mutant("lease-outlives-a-clock-step") && (left > lease() + 1s || left < lease() / 2);
  }

  void publish() {
    auto state = shared_.state.lock();
    auto& status = state->status;
    status.generation = current_ ? current_->name : "";
    status.worker = live_.worker();
    status.old_workers = draining_.workers();
    status.in_sync = in_sync_;
    status.problem = problem_;
    status.sessions = mirror_.sessions();
    status.classes = mirror_.classes();
    status.verdicts = mirror_.facts();
    status.effective = in_sync_ ? effective_ : status.effective;
    status.resyncs = resyncs_;
    status.reloads = reloads_;
    status.lease_end = lease_end_;
    shared_.changed.notify_all();
  }

  Options options_;
  Shared& shared_;
  Mirror mirror_;
  Live live_;
  Draining draining_;
  MapChanges changes_;
  Renewal renewal_;
  generation::GenerationPtr current_;

  store::Revision effective_ = 0;
  bool in_sync_ = false;
  std::string problem_;
  steady_clock::time_point log_lost_since_{};  // zero = it is there
  steady_clock::time_point supervised_{}, leased_{}, refreshed_{};
  int master_ = 0;                         // last seen
  steady_clock::time_point lost_since_{};  // no worker since then; zero = there is one
  sys_seconds next_slot_ = sys_seconds::max();
  sys_seconds lease_end_{};
  std::uint64_t resyncs_ = 0, reloads_ = 0;
};

Reconciler::Reconciler(Options options)
    : shared_(std::make_unique<Shared>()), worker_(std::make_unique<Worker>(std::move(options), *shared_)) {}

Reconciler::~Reconciler() {
  stop();
}

void Reconciler::start() {
  thread_ = std::thread([this] { worker_->run(); });
}

void Reconciler::stop() {
  shared_->state.lock()->stopping = true;
  shared_->changed.notify_all();
  if (thread_.joinable()) thread_.join();
}

namespace {

auto run_job(auto& shared, auto job) -> Status {
  auto state = shared.state.lock();
  state->jobs.push_back(job);
  shared.changed.notify_all();
  shared.changed.wait(state.lock(), [&] { return job->done.has_value() || state->stopping; });
  if (!job->done) return fail("DAT042", "Durward is stopping");
  return *job->done;
}

}  // namespace

Status Reconciler::apply(generation::GenerationPtr generation) {
  auto job = std::make_shared<Shared::Job>();
  job->run = [this, generation] { return worker_->apply(generation); };
  return run_job(*shared_, job);
}

Status Reconciler::replace_certificate(const std::string& name, const std::string& pem) {
  auto job = std::make_shared<Shared::Job>();
  job->run = [this, name, pem] { return worker_->replace_certificate(name, pem); };
  return run_job(*shared_, job);
}

Status Reconciler::await(store::Revision revision, std::chrono::milliseconds timeout) {
  auto state = shared_->state.lock();
  const bool done = shared_->changed.wait_for(state.lock(), timeout, [&] {
    return state->stopping || (state->status.in_sync && state->status.effective >= revision);
  });
  if (done && !state->stopping) return {};
  return fail("DAT040", "the change is stored but HAProxy has not confirmed it" +
                            (state->status.problem.empty() ? "" : ": " + state->status.problem));
}

DataplaneStatus Reconciler::status() {
  return shared_->state.lock()->status;
}

}  // namespace durward::dataplane
