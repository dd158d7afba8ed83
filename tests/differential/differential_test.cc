// Proves: what the reference evaluator says is what a real HAProxy does with the compiled generation, for
// random estates, people, places and instants: whether, why not, by which route and by which rules. One seed;
// --seed N or DURWARD_SEED=N takes another. A failure prints all that it takes to see it again.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "base/text.h"
#include "edge.h"
#include "model/print.h"
#include "probes.h"

namespace durward::differential {
namespace {

using namespace std::chrono_literals;
using policy::Reason;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::uint64_t k_seed = 20'261'123;
constexpr unsigned k_estates = 25;
constexpr unsigned k_probes = 400;   // of each estate
constexpr unsigned k_least = 15;     // of each reason
constexpr unsigned k_tries_max = 5;  // when a second passes during a request
constexpr milliseconds k_margin{4};  // HAProxy reads its clock a little before the request
constexpr seconds k_lead{1};         // between the start of HAProxy and the scenario's instant

std::uint64_t seed() {
  const char* chosen = std::getenv("DURWARD_SEED");
  return chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : k_seed;
}

// One request that was made: what had to come out, and what did.
struct Outcome {
  const Probe* probe = nullptr;
  policy::Verdict expected;
  sys_seconds at;
  testing::RawResponse answer;
  std::size_t line = 0;  // of the log
};

std::string reason_in_log(const accesslog::AccessEvent& event) {
  if (event.why.empty()) return event.status == 400 ? "bad_request" : "allowed";
  return event.why.starts_with("bad_") ? "bad_request" : event.why;
}

int status_for(Reason reason) {
  switch (reason) {
    case Reason::allowed:
      return 200;
    case Reason::bad_request:
      return 400;
    case Reason::no_host:
    case Reason::no_route:
      return 404;
    case Reason::denied_by_rule:
    case Reason::no_rule:
      return 403;
    case Reason::login_required:
    case Reason::acr_required:
    case Reason::auth_age_required:
      return 401;
  }
  return 0;
}

std::string member(const std::string& json, const std::string& name) {
  const std::string key = "\"" + name + "\":\"";
  const auto at = json.find(key);
  if (at == std::string::npos) return "?";
  const auto begin = at + key.size();
  return json.substr(begin, json.find('"', begin) - begin);
}

class Differential : public ::testing::Test {
 protected:
  struct Coverage {
    unsigned requests = 0, retried = 0, routed = 0, allowed = 0, edges_crossed = 0;
    std::map<std::string, unsigned> reasons, rule_kinds;
  };

  void run_estate(testing::RandomEstates& random) {
    testing::CountingUpstream upstream;
    const Ports ports{.listener = testing::free_port(), .upstream = upstream.port()};
    const Scenario scenario = differential::scenario(random, ports, k_probes);
    Diagnostics diagnostics;
    const auto policies = policy::compile(scenario.model, diagnostics);
    ASSERT_FALSE(diagnostics.has_errors()) << render_text(diagnostics);
    const auto now = std::chrono::floor<seconds>(std::chrono::system_clock::now());
    const auto edge = Edge::start({.policies = policies,
                                   .port = ports.listener,
                                   .shift = scenario.at - (now + k_lead),
                                   .sessions = scenario.sessions,
                                   .filled = random.chance(50)});
    ASSERT_TRUE(edge) << "seed " << seed() << "\n" << model::print(*scenario.model);
    const auto outcomes = ask_all(scenario, *edge);
    const auto log = edge->log(asked_);
    ASSERT_FALSE(log.empty());
    unsigned allowed = 0;
    for (const auto& outcome : outcomes) {
      judge(outcome, log[outcome.line], edge->generation());
      allowed += outcome.expected.allow ? 1 : 0;
      if (HasFailure()) {
        report(scenario, outcome, log[outcome.line]);
        return;
      }
    }
    EXPECT_GE(upstream.requests(), allowed);
    for (const auto& app : scenario.model->apps)
      for (const auto& rule : app.access) count_rule(rule);
  }

  std::vector<Outcome> ask_all(const Scenario& scenario, Edge& edge) {
    std::vector<Outcome> out;
    asked_ = 0;
    const bool early = std::chrono::floor<seconds>(edge.time()) < scenario.at.time_since_epoch();
    for (std::size_t i = 0; i < scenario.probes.size(); ++i) {
      // Half before the instant, half after it.
      if (i == scenario.probes.size() / 2 && early) {
        const auto left = scenario.at.time_since_epoch() - edge.time();
        if (left > 0ms) std::this_thread::sleep_for(left + 2 * k_margin);
        ++coverage_.edges_crossed;
      }
      out.push_back(ask(scenario.probes[i], *scenario.model, edge));
      if (HasFatalFailure()) break;
    }
    return out;
  }

  // Asks again when the second changed meanwhile: nobody could then say which one HAProxy judged by.
  Outcome ask(const Probe& probe, const model::Model& model, Edge& edge) {
    Outcome out{.probe = &probe, .expected = {}, .at = {}, .answer = {}, .line = 0};
    for (unsigned i = 0; i < k_tries_max; ++i) {
      if (edge.time() % 1s < k_margin) std::this_thread::sleep_for(k_margin);
      const auto before = edge.time();
      auto answer = edge.client().ask(probe.bytes, probe.request.method == "HEAD");
      if (!answer) answer.emplace();
      out.line = asked_++;
      const auto after = edge.time();
      const auto second = std::chrono::floor<seconds>(before);
      if (after < second + 1s) {
        out.at = sys_seconds(second);
        out.answer = std::move(*answer);
        policy::Request request = probe.request;
        request.at = out.at;
        const bool somebody = probe.ends && out.at < *probe.ends;
        out.expected = policy::evaluate(model, somebody ? probe.subject : model::Subject{}, request);
        return out;
      }
      ++coverage_.retried;
    }
    ADD_FAILURE() << "no answer within a second, " << k_tries_max << " times:\n" << probe.bytes;
    return out;
  }

  void judge(const Outcome& outcome, const accesslog::AccessEvent& event,
             const generation::Generation& generation) {
    const auto& verdict = outcome.expected;
    ++coverage_.requests;
    ++coverage_.reasons[policy::to_string(verdict.reason)];
    coverage_.routed += verdict.route != nullptr ? 1 : 0;
    coverage_.allowed += verdict.allow ? 1 : 0;
    EXPECT_EQ(reason_in_log(event), policy::to_string(verdict.reason));
    EXPECT_EQ(outcome.answer.status, status_for(verdict.reason));
    EXPECT_EQ(event.status, outcome.answer.status) << "log";
    if (verdict.route == nullptr) return;
    const std::string route = verdict.app->name.value + "/" + verdict.route->id.value;
    ASSERT_TRUE(event.row) << "log";
    EXPECT_EQ(event.row->route, route) << "log";
    // What is open to anyone is let through without a verdict, so the log names no rules.
    const bool open = event.row->policy.starts_with('o');
    EXPECT_EQ(rules_in_log(event, generation), open ? std::vector<std::string>{} : verdict.rules) << "log";
    if (outcome.answer.status != 403 || outcome.probe->request.method == "HEAD") return;
    EXPECT_EQ(member(outcome.answer.body, "reason"), policy::to_string(verdict.reason));
    EXPECT_EQ(member(outcome.answer.body, "route"), route);
    EXPECT_EQ(member(outcome.answer.body, "rule"), verdict.rule());
  }

  // The ids behind the ordinals, as a reader of the log finds them.
  static std::vector<std::string> rules_in_log(const accesslog::AccessEvent& event,
                                               const generation::Generation& generation) {
    std::vector<std::string> out;
    const bool refused = !event.why.empty() && event.why != "denied_by_rule";
    if (refused) return out;
    const auto& row = *event.row;
    std::string key = row.policy + "|" + row.backend + "|" + row.route;
    for (const auto& flag : row.flags) key += "|" + flag;
    for (const auto& [route_row, ids] : generation.rule_ids) {
      if (route_row != key) continue;
      const auto ordinals = split(ids, ';');
      for (std::size_t i = 0; i < ordinals.size(); ++i) {
        const bool named =
            std::find(event.verdict.rules.begin(), event.verdict.rules.end(), i) != event.verdict.rules.end();
        if (!named) continue;
        for (const auto& id : split(ordinals[i], ',')) out.push_back(id);
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  void count_rule(const model::AccessRule& rule) {
    static constexpr std::array who{"anyone", "anonymous", "signedIn", "roles"};
    std::string kind = rule.effect == model::Effect::allow ? "allow " : "deny ";
    kind += who[static_cast<std::size_t>(rule.audience.who)];
    ++coverage_.rule_kinds[kind];
    for (const auto& [word, asked] : {std::pair{"when", &rule.when}, std::pair{"unless", &rule.unless}}) {
      if (!*asked) continue;
      const auto& conditions = **asked;
      if (conditions.acr) ++coverage_.rule_kinds[fmt::format("{} acr", word)];
      if (conditions.auth_age) ++coverage_.rule_kinds[fmt::format("{} authAge", word)];
      if (conditions.weekly) ++coverage_.rule_kinds[fmt::format("{} weekly", word)];
      if (conditions.source) ++coverage_.rule_kinds[fmt::format("{} source", word)];
    }
  }

  static void report(const Scenario& scenario, const Outcome& outcome, const accesslog::AccessEvent& event) {
    const auto& subject = outcome.probe->subject;
    std::string who = subject.signed_in ? fmt::format("acr {}, roles", subject.acr) : "nobody";
    for (const auto& role : subject.roles) who += " " + role;
    for (const auto& role : subject.unknown_roles) who += " ?" + role;
    if (subject.auth_time) who += fmt::format(", authenticated {} ago", outcome.at - *subject.auth_time);
    if (!outcome.probe->ends) who += ", without a session here";
    if (outcome.probe->ends) who += fmt::format(", session ends in {}", *outcome.probe->ends - outcome.at);
    ADD_FAILURE() << "again with --seed " << seed() << "\nat " << outcome.at.time_since_epoch().count()
                  << " from " << outcome.probe->request.source->text() << " as " << who << "\n"
                  << outcome.probe->bytes << "answer " << outcome.answer.status << " " << outcome.answer.body
                  << "\njudged as class " << event.class_id.value_or(0) << " by "
                  << (event.row ? event.row->policy : "-") << "\nexpected "
                  << policy::to_string(outcome.expected.reason) << " by " << join(outcome.expected.rules, ",")
                  << "\n"
                  << model::print(*scenario.model);
  }

  void print_coverage() const {
    fmt::print(
        "{} requests, {} asked again, {} routed, of which {}% allowed, {} estates crossed their instant\n",
        coverage_.requests, coverage_.retried, coverage_.routed,
        coverage_.allowed * 100 / std::max(coverage_.routed, 1U), coverage_.edges_crossed);
    for (const auto& [reason, count] : coverage_.reasons) fmt::print("  {:<20}{:>6}\n", reason, count);
    for (const auto& [kind, count] : coverage_.rule_kinds) fmt::print("  rule {:<15}{:>6}\n", kind, count);
  }

  Coverage coverage_;
  std::size_t asked_ = 0;
};

TEST_F(Differential, HaproxyDoesWhatTheEvaluatorSays) {
  testing::RandomEstates random(seed());
  for (unsigned i = 0; i < k_estates && !HasFailure(); ++i) {
    SCOPED_TRACE(fmt::format("estate {}", i));
    run_estate(random);
  }
  print_coverage();
  if (HasFailure() || seed() != k_seed) return;
  EXPECT_EQ(coverage_.requests, k_estates * k_probes);
  for (const Reason reason :
       {Reason::allowed, Reason::bad_request, Reason::no_host, Reason::no_route, Reason::denied_by_rule,
        Reason::no_rule, Reason::login_required, Reason::acr_required, Reason::auth_age_required})
    EXPECT_GT(coverage_.reasons[policy::to_string(reason)], k_least) << policy::to_string(reason);
  EXPECT_GT(coverage_.allowed * 100, coverage_.routed * 30);
  EXPECT_LT(coverage_.allowed * 100, coverage_.routed * 70);
}

}  // namespace
}  // namespace durward::differential

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i + 1 < argc; ++i)
    if (std::string_view(argv[i]) == "--seed") ::setenv("DURWARD_SEED", argv[i + 1], 1);
  return RUN_ALL_TESTS();
}
