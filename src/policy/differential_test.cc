// Proves: facts say what the reference evaluator says, for random estates, people, places and instants: the
// verdict, its reason, the rules it names and what a better login must satisfy. Also that slices and slots
// cover what occurs.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "model/check.h"
#include "policy/compile.h"
#include "policy/evaluate.h"
#include "testing/random_estate.h"

namespace durward::policy {
namespace {

constexpr unsigned k_estates = 1500;
constexpr unsigned k_probes_per_estate = 60;

std::vector<std::string> ids(const RoutePolicy& row, const std::vector<unsigned>& ordinals) {
  std::vector<std::string> out;
  for (const unsigned i : ordinals) out.insert(out.end(), row.rule_ids[i].begin(), row.rule_ids[i].end());
  std::sort(out.begin(), out.end());
  return out;
}

std::string describe_case(const Verdict& verdict, const RoutePolicy& row, const testing::RandomProbe& probe,
                          const Class& who) {
  std::string out = probe.request.method + " " + probe.request.host + probe.request.path + " as " +
                    who.canonical() + " by " + verdict.app->name.value + "/" + verdict.route->id.value +
                    " from " + probe.request.source->text() + ", policy";
  for (const auto& rule_ids : row.rule_ids) out += " " + rule_ids.front();
  return out;
}

class Differential : public ::testing::Test {
 protected:
  void check(const PolicySet& set, const testing::RandomProbe& probe) {
    const Verdict verdict = evaluate(*set.model, probe.subject, probe.request);
    ++seen_[verdict.reason];
    if (verdict.route == nullptr) return;
    ++routed_;

    const RoutePolicy* row = row_of(set, *verdict.route, probe.request.method);
    ASSERT_NE(row, nullptr);
    const Policy& policy = *row->policy;
    const Slot slot = slot_at(policy, probe.request.at);
    const Slice slice{.windows = slot.windows, .cell = cell_of(policy, *probe.request.source)};
    const Class who = classify(set, probe.subject);
    SCOPED_TRACE(describe_case(verdict, *row, probe, who));

    std::optional<std::chrono::milliseconds> age;
    if (probe.subject.auth_time) age = probe.request.at - *probe.subject.auth_time;
    const Answer answer = read_fact(fact(policy, who, slice), age);
    EXPECT_STREQ(to_string(answer.reason), to_string(verdict.reason));
    EXPECT_EQ(ids(*row, answer.rules), verdict.rules);
    EXPECT_EQ(answer.acr_needed, verdict.acr_needed);
    EXPECT_EQ(answer.age_needed, verdict.age_needed);
    if (policy.open) {
      EXPECT_TRUE(verdict.allow);
      ++open_;
    }

    const auto all = slices(policy, probe.request.at);
    EXPECT_TRUE(std::binary_search(all.begin(), all.end(), slice));
    EXPECT_GT(slot.end, probe.request.at);
    if (!policy.windows.empty()) {
      EXPECT_EQ(slot_at(policy, slot.end - std::chrono::seconds(1)).windows, slot.windows);
    }
  }

  std::map<Reason, unsigned> seen_;
  unsigned routed_ = 0, open_ = 0;
};

TEST_F(Differential, FactsAgreeWithTheReferenceEvaluator) {
  testing::RandomEstates random(20'260'601);
  for (unsigned i = 0; i < k_estates && !HasFailure(); ++i) {
    Diagnostics diagnostics;
    const auto set = compile(testing::shared(random.estate()), diagnostics);
    ASSERT_FALSE(diagnostics.has_errors());
    for (unsigned j = 0; j < k_probes_per_estate; ++j) check(*set, random.probe(*set->model));
  }
  for (const Reason reason :
       {Reason::allowed, Reason::bad_request, Reason::no_host, Reason::no_route, Reason::denied_by_rule,
        Reason::no_rule, Reason::login_required, Reason::acr_required, Reason::auth_age_required}) {
    EXPECT_GT(seen_[reason], 100U) << to_string(reason);
    RecordProperty(to_string(reason), static_cast<int>(seen_[reason]));
  }
  EXPECT_GT(open_, 100U);
  EXPECT_GT(seen_[Reason::allowed] * 100, routed_ * 30);
  EXPECT_LT(seen_[Reason::allowed] * 100, routed_ * 70);
}

// The generator's promise: what it makes could have come from a bundle.
TEST(RandomEstates, PassTheModelsChecks) {
  testing::RandomEstates random(3);
  for (unsigned i = 0; i < 300; ++i) {
    const auto estate = random.estate();
    Diagnostics diagnostics;
    model::check_references(estate, {}, diagnostics);
    model::check_routes(estate, diagnostics);
    for (const auto* one : estate.all_apps()) model::check_access(*one, false, diagnostics);
    EXPECT_FALSE(diagnostics.has_errors()) << render_text(diagnostics);
  }
}

TEST(ForEachFact, VisitsExactlyTheFactsThereAre) {
  testing::RandomEstates random(7);
  for (unsigned i = 0; i < 100; ++i) {
    Diagnostics diagnostics;
    const auto set = compile(testing::shared(random.estate()), diagnostics);
    const auto probe = random.probe(*set->model);
    const Class who = classify(*set, probe.subject);
    std::map<std::pair<std::string, Slice>, Fact> visited, expected;
    for_each_fact(*set, who, probe.request.at,
                  [&](const Policy& policy, const Slice& slice, const Fact& known) {
                    EXPECT_TRUE(visited.emplace(std::pair(policy.name, slice), known).second);
                  });
    for (const auto& [name, policy] : set->policies)
      for (const auto& slice : slices(*policy, probe.request.at))
        if (const auto known = fact(*policy, who, slice)) expected.emplace(std::pair(name, slice), *known);
    EXPECT_EQ(visited, expected) << who.canonical();
  }
}

}  // namespace
}  // namespace durward::policy
