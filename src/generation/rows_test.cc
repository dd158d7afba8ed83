// Proves: how facts and slots are spelt in HAProxy's maps, and that no row grows past what a command or a
// log line carries.
#include "generation/rows.h"

#include <gtest/gtest.h>

#include <numeric>

#include "testing/model_builder.h"

namespace durward::generation {
namespace {

using namespace std::chrono_literals;
using policy::Fact;
using testing::allow;
using testing::deny;

const model::Gateway& gateway() {
  static const model::Model estate = testing::estate({});
  return estate.gateway;
}

TEST(Verdicts, Table) {
  const std::pair<Fact, const char*> table[] = {
      {{.kind = Fact::Kind::allow, .rules = {0, 2}}, "A|0.2"},
      {{.kind = Fact::Kind::allow, .rules = {1}, .max_age = 900s}, "B|900|1"},
      {{.kind = Fact::Kind::deny, .rules = {3}}, "D|3"},
      {{.kind = Fact::Kind::step_up, .rules = {}, .max_age = 900s, .acr = 2}, "U|key|900"},
      {{.kind = Fact::Kind::step_up, .rules = {}, .acr = 1}, "U|otp|-"},
      {{.kind = Fact::Kind::login, .rules = {}}, "L|-"},
      // Young logins are named by more allows, old ones by more denies.
      {{.kind = Fact::Kind::allow, .rules = {0}, .aged = {{1, 60s}, {2, 300s}}}, "A|0.1.2~60~A|0.2~300~A|0"},
      {{.kind = Fact::Kind::allow, .rules = {0}, .max_age = 900s, .aged = {{1, 60s}}},
       "B|900|0.1~60~B|900|0"},
      {{.kind = Fact::Kind::deny, .rules = {3}, .aged = {{1, 60s}}}, "D|3~60~D|1.3"},
      // With no deny for the young, theirs is the default.
      {{.kind = Fact::Kind::deny, .rules = {}, .aged = {{1, 60s}, {0, 900s}}}, "-~60~D|1~900~D|0.1"},
  };
  for (const auto& [fact, value] : table) EXPECT_EQ(verdict_value(fact, gateway()), value);
}

TEST(Verdicts, AreBounded) {
  Fact fact{.kind = Fact::Kind::deny, .rules = std::vector<unsigned>(2'000)};
  std::iota(fact.rules.begin(), fact.rules.end(), 0U);
  for (unsigned i = 0; i < 500; ++i) fact.aged.emplace_back(2'000 + i, std::chrono::seconds(i + 1));
  EXPECT_LT(verdict_value(fact, gateway()).size(), 12'000U);
}

policy::PolicyPtr policy_of(std::vector<model::AccessRule> access) {
  Diagnostics diagnostics;
  const auto set = policy::compile(testing::shared(testing::estate({testing::app(
                                       "web", {"a.test"}, {testing::route("x", "/x")}, std::move(access))})),
                                   diagnostics);
  return set->policies.begin()->second;
}

TEST(Stages, AreAsManyAsARowCanHave) {
  const testing::If young = testing::If().age(900s);
  EXPECT_EQ(verdict_stages(*policy_of({allow("a").signed_in()})), 0U);
  EXPECT_EQ(verdict_stages(*policy_of({allow("a").signed_in().when(young)})), 0U) << "one number says it";
  EXPECT_EQ(verdict_stages(*policy_of({allow("a").signed_in().when(young), allow("b").any_of({"r"})})), 1U);
  EXPECT_EQ(verdict_stages(*policy_of({allow("a").signed_in(), deny("d").any_of({"r"}).unless(young)})), 1U);
}

TEST(Tokens, SayHowARouteIsJudged) {
  const testing::If week = testing::If().weekly({testing::window(testing::every_day, 0, 60)});
  const testing::If net = testing::If().source({"10.0.0.0/8"});
  EXPECT_EQ(policy_token(*policy_of({allow("a").signed_in()}))[0], 'p');
  EXPECT_EQ(policy_token(*policy_of({allow("a")}))[0], 'o');
  const auto windows = policy_of({allow("a").signed_in().when(week)});
  EXPECT_EQ(policy_token(*windows)[0], 'w');
  EXPECT_TRUE(verdict_key(7, *windows, {.windows = 1, .cell = 0}).ends_with(".1|"));
  const auto sources = policy_of({allow("a").signed_in().when(net)});
  EXPECT_EQ(policy_token(*sources)[0], 's');
  EXPECT_TRUE(verdict_key(7, *sources, {.windows = 0, .cell = 1}).ends_with("/1|"));
  const auto both = policy_of({allow("a").signed_in().when(week), allow("b").signed_in().when(net)});
  EXPECT_EQ(policy_token(*both)[0], 'x');
  EXPECT_TRUE(verdict_key(7, *both, {.windows = 1, .cell = 1}).ends_with(".1/1|"));
}

TEST(Slots, HoldThePresentAndTheNext) {
  const auto policy = policy_of(
      {allow("a").signed_in().when(testing::If().weekly({testing::window(testing::every_day, 60, 120)}))});
  const std::chrono::sys_seconds midnight = std::chrono::sys_days{std::chrono::year{2026} / 6 / 1};
  const auto at = [&](std::chrono::seconds after) {
    return std::to_string((midnight + after).time_since_epoch().count());
  };
  EXPECT_EQ(slot_value(*policy, midnight), "0|" + at(1h) + "|1|" + at(2h));
  EXPECT_EQ(slot_value(*policy, midnight + 1h), "1|" + at(2h) + "|0|" + at(25h));
}

}  // namespace
}  // namespace durward::generation
