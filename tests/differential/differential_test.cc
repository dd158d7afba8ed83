// Proves: what the reference evaluator says is what a real HAProxy does with the compiled generation, for
// random estates, people, places and instants, over HTTP/1.1 and HTTP/2: whether, why not, by which route and
// by which rules. A failure is made small, and printed with all that it takes to see it again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "coverage.h"
#include "edge.h"
#include "model/print.h"
#include "settings.h"
#include "shrink.h"

namespace durward::differential {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr unsigned k_moments = 4;
constexpr unsigned k_probes = 100;  // of each moment
constexpr unsigned k_per_estate = k_moments * k_probes;
constexpr unsigned k_shrink_tries = 150;
constexpr std::uint64_t k_stream = 1;

struct Finding {
  Failing failing;
  std::string difference;
};

class Differential : public ::testing::Test {
 protected:
  Differential()
      : ports_{.plain = testing::free_port(), .tls = testing::free_port(), .upstream = upstream_.port()} {}

  static policy::PolicySetPtr compiled(model::ModelPtr estate) {
    Diagnostics diagnostics;
    auto out = policy::compile(std::move(estate), diagnostics);
    return diagnostics.has_errors() ? nullptr : out;
  }

  Scenario scenario_of(unsigned estate, bool& filled) const {
    testing::RandomEstates random(seed_of(k_stream, estate));
    Scenario out = scenario(random, ports_, k_moments, k_probes);
    filled = random.chance(50);
    return out;
  }

  // Runs the estate and returns the first difference. `coverage` may be null.
  std::optional<Finding> run(const Scenario& scenario, bool filled, Coverage* coverage) {
    const auto policies = compiled(scenario.model);
    if (!policies) return std::nullopt;
    Edge::Options options{.policies = policies,
                          .ports = ports_,
                          .at = scenario.moments.front().at - 1s,
                          .sessions = {},
                          .filled = filled};
    for (const auto& moment : scenario.moments)
      for (const auto& probe : moment.probes)
        if (probe.session) options.sessions.push_back(*probe.session);
    const auto edge = Edge::start(std::move(options));
    if (!edge) return std::nullopt;
    auto outcomes = ask_all(scenario, *edge);
    std::vector<std::string> ids;
    for (const auto& outcome : outcomes)
      if (!outcome.id.empty()) ids.push_back(outcome.id);
    const auto log = edge->log().close(ids);
    const Ablation ablation(coverage ? *scenario.model : model::Model{});
    for (const auto& outcome : outcomes) {
      const auto event = outcome.id.empty() ? log.end() : log.find(outcome.id);
      auto differs = difference(outcome, event == log.end() ? nullptr : &event->second);
      if (!differs.empty()) return Finding{{*scenario.model, outcome.probe}, std::move(differs)};
      if (coverage) coverage->add(ablation, outcome);
    }
    return std::nullopt;
  }

  static std::vector<Outcome> ask_all(const Scenario& scenario, Edge& edge) {
    std::vector<Outcome> out;
    for (const auto& moment : scenario.moments) {
      // Durward writes the windows in force, and the next, a little before; HAProxy moves on by itself.
      if (!edge.renew(moment.at - 1s)) return out;
      for (const auto& probe : moment.probes) {
        if (!edge.set_time(probe.request.at)) return out;
        const bool somebody = probe.ends && probe.request.at < *probe.ends;
        Outcome outcome{.probe = probe,
                        .right = {candidate(edge.generation(), somebody ? probe.subject : model::Subject{},
                                            probe, "expected")},
                        .answer = edge.client().ask(probe),
                        .id = ""};
        outcome.id = logged_as(outcome.answer);
        out.push_back(std::move(outcome));
      }
    }
    return out;
  }

  std::optional<Finding> run_alone(const Failing& failing, bool filled) {
    return run({testing::shared(failing.estate), {{failing.probe.request.at, {failing.probe}}}}, filled,
               nullptr);
  }

  void report(const Finding& found, bool filled, unsigned estate, const Scenario& scenario) {
    unsigned number = 0, at = 0;
    for (const auto& moment : scenario.moments)
      for (const auto& probe : moment.probes)
        if (++at; h1_bytes(probe) == h1_bytes(found.failing.probe)) number = at - 1;
    const auto alone = run_alone(found.failing, filled);
    std::string text =
        fmt::format("again with --seed {} --case {}\n", settings().seed, estate * k_per_estate + number);
    if (!alone) {
      text += "asked alone it is right: something before it matters\n";
    } else {
      const auto small = shrink(
          found.failing, [&](const Failing& f) { return run_alone(f, filled).has_value(); }, k_shrink_tries);
      const auto again = run_alone(small, filled);
      text += fmt::format("made small:\n{}{}{}\nas it was:\n", model::print(small.estate),
                          describe(small.probe), again ? again->difference : "");
    }
    ADD_FAILURE() << text << describe(found.failing.probe) << found.difference
                  << model::print(found.failing.estate);
  }

  testing::CountingUpstream upstream_;
  Ports ports_;
};

TEST_F(Differential, HaproxyDoesWhatTheEvaluatorSays) {
  Coverage coverage;
  if (settings().only_chain) GTEST_SKIP() << "one chain of the other test was asked for";
  const bool one = settings().only.has_value();
  for (unsigned i = one ? *settings().only / k_per_estate : 0; !HasFailure(); ++i) {
    bool filled = false;
    Scenario scenario = scenario_of(i, filled);
    if (one) {
      const unsigned number = *settings().only % k_per_estate;
      auto moment = scenario.moments[number / k_probes];
      moment.probes = {moment.probes[number % k_probes]};
      scenario.moments = {moment};
    }
    const auto found = run(scenario, filled, &coverage);
    if (found) report(*found, filled, i, scenario);
    if (one || over() || coverage.requests() >= settings().cases) break;
  }
  coverage.print();
  if (HasFailure() || one || over()) return;
  EXPECT_EQ(coverage.missing(settings().least), "");
  EXPECT_GE(coverage.requests(), settings().cases);
}

}  // namespace
}  // namespace durward::differential
