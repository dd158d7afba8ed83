// Proves: routes with equal access share a policy, methods fall into rows, sources into cells, subjects into
// classes; and facts carry exactly what HAProxy needs: rules, ages, levels.
#include "policy/compile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "policy/canonical.h"
#include "policy/codes.h"
#include "testing/model_builder.h"

namespace durward::policy {
namespace {

using namespace std::chrono_literals;
using testing::allow;
using testing::app;
using testing::deny;
using testing::If;
using testing::nobody;
using testing::route;
using testing::subject;
using testing::window;
using Names = std::vector<std::string>;
using Kind = Fact::Kind;

constexpr std::chrono::sys_seconds k_monday_noon{1'780'315'200s};  // 2026-06-01 12:00 UTC

PolicySetPtr compiled(model::Model estate) {
  Diagnostics diagnostics;
  auto set = compile(testing::shared(std::move(estate)), diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << render_text(diagnostics);
  return set;
}

PolicySetPtr one_app(std::vector<model::Route> routes, std::vector<model::AccessRule> access) {
  return compiled(testing::estate({app("shop", {"a.test"}, std::move(routes), std::move(access))}));
}

// The only policy of an app with one route.
PolicyPtr policy_of(std::vector<model::AccessRule> access) {
  return one_app({route("x", "/x")}, std::move(access))->routes.front().policy;
}

Class holding(const Names& roles, int acr = 0) {
  return {.signed_in = true, .acr = acr, .roles = roles, .unknown_roles = {}};
}

// ---- policies

TEST(Policies, EqualAccessIsOnePolicyWhateverItsSpelling) {
  const auto set = one_app(
      {route("x", "/x"), route("y", "/y"), route("z", "/z")},
      {allow("first").any_of({"a", "b"}).on({"x"}).when(If().source({"10.0.0.0/8", "10.1.0.0/16"})),
       allow("second").any_of({"b", "a", "b"}).on({"y"}).when(If().source({"10.1.0.0/16", "10.0.0.0/8"})),
       allow("third").any_of({"a"}).on({"z"})});
  ASSERT_EQ(set->routes.size(), 3U);
  EXPECT_EQ(set->routes[0].policy, set->routes[1].policy);
  EXPECT_NE(set->routes[0].policy, set->routes[2].policy);
  EXPECT_EQ(set->routes[0].rule_ids, (std::vector<Names>{{"first"}}));
  EXPECT_EQ(set->routes[1].rule_ids, (std::vector<Names>{{"second"}}));
  EXPECT_EQ(set->policies.size(), 2U);
  EXPECT_EQ(set->vocabulary, (std::set<std::string>{"a", "b"}));
}

TEST(Policies, RulesOfOneFormShareAnOrdinal) {
  const auto set =
      one_app({route("x", "/x")}, {allow("b").any_of({"r"}), deny("d"), allow("a").any_of({"r"})});
  ASSERT_EQ(set->routes[0].policy->rules.size(), 2U);
  EXPECT_EQ(set->routes[0].rule_ids, (std::vector<Names>{{"a", "b"}, {"d"}}));
}

TEST(Policies, NamesAreTheHashOfTheCanonicalForm) {
  const auto policy = policy_of({allow("a").any_of({"r"}).when(If().acr(1).age(15min))});
  EXPECT_EQ(canonical_text(policy->rules),
            "durward policy 1\nallow roles any=r all= none= when acr=1 age=900 weekly= source=\n");
  EXPECT_EQ(policy->name, policy_name(canonical_text(policy->rules)));
  EXPECT_EQ(policy->name.size(), 13U);
  EXPECT_EQ(policy->name.front(), 'p');
}

TEST(Policies, EveryDifferenceMakesAnotherName) {
  const std::vector<model::AccessRule> rules = {
      allow("r"),
      deny("r"),
      allow("r").anonymous(),
      allow("r").signed_in(),
      allow("r").any_of({"a"}),
      allow("r").any_of({"a", "b"}),
      allow("r").any_of({"a,b"}),
      allow("r").all_of({"a"}),
      allow("r").none_of({"a"}),
      allow("r").any_of({"a"}).when(If().acr(0)),
      allow("r").any_of({"a"}).unless(If().acr(0)),
      allow("r").any_of({"a"}).when(If().age(1s)),
      allow("r").any_of({"a"}).when(If().weekly({window(1, 0, 60)})),
      allow("r").any_of({"a"}).when(If().weekly({window(1, 0, 60, "Europe/Berlin")})),
      allow("r").any_of({"a"}).when(If().weekly({window(2, 0, 60)})),
      allow("r").any_of({"a"}).when(If().source({"10.0.0.0/8"})),
      allow("r").any_of({"a"}).when(If().source({"10.0.0.0/9"})),
      allow("r").any_of({"a"}).when(If().source({"a00::/8"})),
  };
  std::set<std::string> names;
  for (const auto& rule : rules) names.insert(policy_of({rule})->name);
  EXPECT_EQ(names.size(), rules.size());
}

TEST(Policies, OpenMeansEveryoneAlways) {
  EXPECT_TRUE(policy_of({allow("a")})->open);
  EXPECT_TRUE(policy_of({allow("a"), allow("b").any_of({"r"})})->open);
  EXPECT_TRUE(policy_of({allow("a").anonymous(), allow("b").signed_in()})->open);
  EXPECT_FALSE(policy_of({})->open);
  EXPECT_FALSE(policy_of({allow("a").signed_in()})->open);
  EXPECT_FALSE(policy_of({allow("a").anonymous()})->open);
  EXPECT_FALSE(policy_of({allow("a"), deny("d").any_of({"r"})})->open);
  EXPECT_FALSE(policy_of({allow("a").when(If().weekly({window(1, 0, 60)}))})->open);
  EXPECT_FALSE(policy_of({allow("a").unless(If().acr(1))})->open);
}

TEST(Policies, TwoWithOneHashAreAnError) {
  // Found by search: these two canonical forms share the first 12 digits of their hash.
  Diagnostics diagnostics;
  compile(testing::shared(testing::estate({app(
              "shop", {"a.test"}, {route("x", "/x"), route("y", "/y")},
              {allow("a").any_of({"r6821953"}).on({"x"}), allow("b").any_of({"r38788724"}).on({"y"})})})),
          diagnostics);
  ASSERT_EQ(diagnostics.errors(), 1U);
  EXPECT_EQ(diagnostics.all().front().code, code::equal_names.id);
}

TEST(Policies, TooManyPiecesAreAnErrorAndAllowNobody) {
  std::vector<model::WeeklyWindow> windows;
  for (unsigned i = 0; i <= windows_per_policy_max; ++i) windows.push_back(window(1, i, i + 1));
  std::vector<model::AccessRule> lists, product;
  for (unsigned i = 0; i <= source_lists_per_policy_max; ++i)
    lists.push_back(deny("d" + std::to_string(i)).when(If().source({"10.0.0." + std::to_string(i)})));
  for (unsigned i = 0; i < 40; ++i)
    product.push_back(
        deny("d" + std::to_string(i))
            .when(If().source({"10.0.0." + std::to_string(i)}).weekly({window(1, i * 20, i * 20 + 5)})));
  for (const auto& rules :
       {std::vector<model::AccessRule>{allow("a").signed_in().when(If().weekly(windows))}, lists, product}) {
    Diagnostics diagnostics;
    const auto set = compile(
        testing::shared(testing::estate({app("shop", {"a.test"}, {route("x", "/x")}, rules)})), diagnostics);
    ASSERT_EQ(diagnostics.errors(), 1U);
    EXPECT_EQ(diagnostics.all().front().code, code::too_many_pieces.id);
    EXPECT_TRUE(diagnostics.all().front().span.known());
    EXPECT_TRUE(set->routes.front().policy->rules.empty());
  }
}

// ---- rows

struct RowCase {
  const char* name;
  std::vector<model::Route> routes;
  std::vector<model::AccessRule> access;
  std::vector<std::pair<std::string, Names>> rows;  // methods, '*' for every other; ids of the rules
};

TEST(Rows, MethodsFallIntoRows) {
  const std::vector<RowCase> cases = {
      {"any method, one row", {route("x", "/x")}, {allow("a")}, {{"*", {"a"}}}},
      {"any method, a rule names one",
       {route("x", "/x")},
       {allow("a"), deny("d").methods({"POST"})},
       {{"POST", {"a", "d"}}, {"*", {"a"}}}},
      {"any method: HEAD goes with GET",
       {route("x", "/x")},
       {allow("a").methods({"GET"}), allow("b").methods({"POST", "PUT"})},
       {{"GET HEAD", {"a"}}, {"POST PUT", {"b"}}, {"*", {}}}},
      {"any method: HEAD by name is judged as GET",
       {route("x", "/x")},
       {allow("a").methods({"HEAD"})},
       {{"*", {}}}},
      {"listed", {route("x", "/x", {"POST", "GET"})}, {allow("a")}, {{"GET HEAD POST", {"a"}}}},
      {"listed and split",
       {route("x", "/x", {"POST", "GET"})},
       {allow("a"), allow("b").methods({"GET"})},
       {{"GET HEAD", {"a", "b"}}, {"POST", {"a"}}}},
      {"HEAD listed",
       {route("x", "/x", {"HEAD", "GET"})},
       {allow("a"), allow("b").methods({"GET"})},
       {{"GET", {"a", "b"}}, {"HEAD", {"a"}}}},
      {"HEAD has its own route",
       {route("x", "/{a}", {"GET"}), route("y", "/{b}", {"HEAD"})},
       {allow("a")},
       {{"GET", {"a"}}, {"HEAD", {"a"}}}},
      {"HEAD has another route elsewhere",
       {route("x", "/a", {"GET"}), route("y", "/{b}", {"HEAD"})},
       {allow("a")},
       {{"GET HEAD", {"a"}}, {"HEAD", {"a"}}}},
      {"no GET, no HEAD", {route("x", "/x", {"POST"})}, {allow("a").methods({"GET"})}, {{"POST", {}}}},
      {"rules of other routes",
       {route("x", "/x")},
       {allow("a").on({"y"}), allow("b").on({"x"})},
       {{"*", {"b"}}}},
  };
  for (const auto& row_case : cases) {
    SCOPED_TRACE(row_case.name);
    const auto set = one_app(row_case.routes, row_case.access);
    std::vector<std::pair<std::string, Names>> rows;
    for (const auto& row : set->routes) {
      Names ids;
      for (const auto& names : row.rule_ids) ids.insert(ids.end(), names.begin(), names.end());
      std::sort(ids.begin(), ids.end());
      rows.emplace_back(row.methods.empty() ? "*" : join(row.methods, " "), ids);
    }
    EXPECT_EQ(rows, row_case.rows);
  }
}

TEST(Rows, AreFoundByMethod) {
  const auto set =
      one_app({route("x", "/x"), route("y", "/y", {"GET"})}, {allow("a"), deny("d").methods({"POST"})});
  const auto& routes = set->model->apps.front().routes;
  EXPECT_EQ(row_of(*set, routes[0], "POST")->methods, (Names{"POST"}));
  EXPECT_EQ(row_of(*set, routes[0], "PUT")->methods, Names{});
  EXPECT_EQ(row_of(*set, routes[1], "HEAD")->methods, (Names{"GET", "HEAD"}));
  EXPECT_EQ(row_of(*set, routes[1], "POST"), nullptr);
  EXPECT_EQ(set->methods, (Names{"GET", "HEAD", "POST"}));
}

// ---- cells

TEST(Cells, AreWhatTheRulesTellApart) {
  const auto policy = policy_of({allow("a").signed_in().when(If().source({"10.0.0.0/8", "192.168.0.0/16"})),
                                 deny("d").when(If().source({"10.1.0.0/16"})),
                                 deny("e").unless(If().source({"10.0.0.0/8", "192.168.0.0/16"}))});
  const auto cell = [&](const char* source) { return cell_of(*policy, testing::address(source)); };
  EXPECT_EQ(policy->sources.size(), 3U);
  EXPECT_EQ(policy->cells, 3U);
  EXPECT_EQ(cell("11.0.0.0"), 0U);
  EXPECT_EQ(cell("9.255.255.255"), 0U);
  EXPECT_EQ(cell("::1"), 0U);
  EXPECT_NE(cell("10.0.0.0"), 0U);
  EXPECT_EQ(cell("10.0.0.0"), cell("192.168.255.255"));
  EXPECT_EQ(cell("10.255.255.255"), cell("10.0.0.0"));
  EXPECT_NE(cell("10.1.0.0"), cell("10.0.255.255"));
  EXPECT_EQ(cell("10.1.255.255"), cell("10.1.0.0"));
  EXPECT_EQ(cell("10.2.0.0"), cell("10.0.0.0"));
}

// ---- slots and slices

TEST(Slices, AreTheSetsOfTheWeekTimesTheCells) {
  const auto plain = policy_of({allow("a")});
  EXPECT_EQ(slices(*plain, k_monday_noon), (std::vector<Slice>{{0, 0}}));
  EXPECT_EQ(slot_at(*plain, k_monday_noon).end, std::chrono::sys_seconds::max());

  const auto overlapping =
      policy_of({allow("a").signed_in().when(If().weekly({window(1, 540, 720), window(1, 660, 780)})),
                 deny("d").when(If().source({"10.0.0.0/8"}))});
  EXPECT_EQ(slices(*overlapping, k_monday_noon),
            (std::vector<Slice>{{0, 0}, {0, 1}, {1, 0}, {1, 1}, {2, 0}, {2, 1}, {3, 0}, {3, 1}}));
  const Slot slot = slot_at(*overlapping, k_monday_noon - 30min);
  EXPECT_EQ(slot.windows, 3U);
  EXPECT_EQ(slot.end, k_monday_noon);
  EXPECT_EQ(slot_at(*overlapping, slot.end).windows, 2U);
}

TEST(Slices, ZonesShiftAgainstEachOther) {
  // Noon in Berlin and six in the morning in New York are one hour, but for the weeks in which only one has
  // summer time.
  const auto policy = policy_of(
      {allow("a").signed_in().when(If().weekly({window(testing::every_day, 720, 780, "Europe/Berlin"),
                                                window(testing::every_day, 360, 420, "America/New_York")}))});
  EXPECT_TRUE(policy->week.empty());
  const auto all = slices(*policy, k_monday_noon);
  EXPECT_EQ(all, (std::vector<Slice>{{0, 0}, {1, 0}, {2, 0}, {3, 0}}));
}

// ---- classes

TEST(Classes, HoldWhatPoliciesTellApart) {
  const auto set = one_app({route("x", "/x")}, {allow("a").any_of({"a", "b"}).none_of({"c"})});
  model::Subject who = subject({.roles = {"z", "b", "a"}, .unknown = {"c", "y", "a"}, .acr = 1});
  const Class known = classify(*set, who);
  EXPECT_EQ(known.roles, (Names{"a", "b"}));
  EXPECT_EQ(known.unknown_roles, (Names{"c"}));
  EXPECT_EQ(known.acr, 1);
  EXPECT_EQ(known.canonical(), "acr=1 roles=a,b unknown=c");
  who.roles.erase("z");
  EXPECT_EQ(classify(*set, who).hash(), known.hash());
  who.acr = 2;
  EXPECT_NE(classify(*set, who).hash(), known.hash());
  who.signed_in = false;
  EXPECT_EQ(classify(*set, who), anonymous_class());
  EXPECT_EQ(anonymous_class().canonical(), "anonymous");
}

TEST(Classes, AreInjective) {
  EXPECT_NE(holding({"a,b"}).canonical(), holding({"a", "b"}).canonical());
  EXPECT_NE(holding({"a"}).canonical(),
            (Class{.signed_in = true, .acr = 0, .roles = {}, .unknown_roles = {"a"}}.canonical()));
  EXPECT_EQ(holding({"a\nb c=d"}).canonical().find('\n'), std::string::npos);
}

// ---- facts

Fact made(Kind kind, std::vector<unsigned> rules = {}, std::optional<std::chrono::seconds> max_age = {},
          int acr = -1, std::vector<std::pair<unsigned, std::chrono::seconds>> aged = {}) {
  return {.kind = kind, .rules = std::move(rules), .max_age = max_age, .acr = acr, .aged = std::move(aged)};
}

TEST(Facts, SayWhoIsAllowedAndByWhat) {
  const auto policy =
      policy_of({allow("a").any_of({"a"}), allow("b").any_of({"b"}), deny("d").any_of({"x"})});
  EXPECT_EQ(fact(*policy, holding({"a"}), {}), made(Kind::allow, {0}));
  EXPECT_EQ(fact(*policy, holding({"a", "b"}), {}), made(Kind::allow, {0, 1}));
  EXPECT_EQ(fact(*policy, holding({"a", "x"}), {}), made(Kind::deny, {2}));
  EXPECT_EQ(fact(*policy, holding({}), {}), std::nullopt);
  EXPECT_EQ(fact(*policy, anonymous_class(), {}), made(Kind::login));
  const Class unknown{.signed_in = true, .acr = 0, .roles = {"a"}, .unknown_roles = {"x"}};
  EXPECT_EQ(fact(*policy, unknown, {}), made(Kind::deny, {2}));
}

TEST(Facts, CarryTheGreatestAge) {
  const auto policy = policy_of({allow("a").any_of({"a"}).when(If().age(5min)),
                                 allow("b").any_of({"b"}).when(If().age(15min)), allow("c").any_of({"c"}),
                                 deny("d").any_of({"d"}).unless(If().age(10min))});
  // Canonical order: the three allows by role, then the deny.
  EXPECT_EQ(fact(*policy, holding({"a"}), {}), made(Kind::allow, {0}, 300s));
  EXPECT_EQ(fact(*policy, holding({"a", "b"}), {}), made(Kind::allow, {1}, 900s, -1, {{0, 300s}}));
  EXPECT_EQ(fact(*policy, holding({"a", "c"}), {}), made(Kind::allow, {2}, {}, -1, {{0, 300s}}));
  EXPECT_EQ(fact(*policy, holding({"b", "d"}), {}), made(Kind::allow, {1}, 600s));
  EXPECT_EQ(fact(*policy, holding({"c", "d"}), {}), made(Kind::allow, {2}, 600s));
  EXPECT_EQ(fact(*policy, holding({"d"}), {}), made(Kind::deny, {}, {}, -1, {{3, 600s}}));
}

TEST(Facts, NameTheLeastLevelThatWouldDo) {
  const auto policy =
      policy_of({allow("a").signed_in().when(If().acr(1).age(5min)), allow("b").signed_in().when(If().acr(2)),
                 deny("d").any_of({"x"}).unless(If().acr(2))});
  EXPECT_EQ(fact(*policy, holding({}, -1), {}), made(Kind::step_up, {}, 300s, 1));
  EXPECT_EQ(fact(*policy, holding({"x"}, 0), {}), made(Kind::step_up, {}, {}, 2));
  EXPECT_EQ(fact(*policy, holding({"x"}, 1), {}), made(Kind::step_up, {}, {}, 2));
  EXPECT_EQ(fact(*policy, holding({}, 1), {}), made(Kind::allow, {0}, 300s));
  EXPECT_EQ(fact(*policy, holding({"x"}, 2), {}), made(Kind::allow, {1}, {}, -1, {{0, 300s}}));
}

TEST(Facts, FollowWindowsAndCells) {
  const auto policy = policy_of({allow("a").signed_in().when(If().weekly({window(1, 0, 60)})),
                                 deny("d").unless(If().source({"10.0.0.0/8"}))});
  EXPECT_EQ(fact(*policy, holding({}), {.windows = 1, .cell = 1}), made(Kind::allow, {0}));
  EXPECT_EQ(fact(*policy, holding({}), {.windows = 1, .cell = 0}), made(Kind::deny, {1}));
  EXPECT_EQ(fact(*policy, holding({}), {.windows = 0, .cell = 1}), std::nullopt);
  EXPECT_EQ(fact(*policy, anonymous_class(), {.windows = 1, .cell = 1}), made(Kind::login));
  EXPECT_EQ(fact(*policy, anonymous_class(), {.windows = 1, .cell = 0}), made(Kind::deny, {1}));
}

TEST(Facts, AreReadWithTheLoginsAge) {
  const auto by_age = made(Kind::allow, {1}, 900s, -1, {{0, 300s}});
  EXPECT_EQ(read_fact(by_age, 300s), (Answer{.reason = Reason::allowed, .rules = {0, 1}}));
  EXPECT_EQ(read_fact(by_age, 301s), (Answer{.reason = Reason::allowed, .rules = {1}}));
  EXPECT_EQ(read_fact(by_age, 900s).reason, Reason::allowed);
  EXPECT_EQ(read_fact(by_age, 900'001ms), (Answer{.reason = Reason::auth_age_required, .age_needed = 900s}));
  EXPECT_EQ(read_fact(by_age, std::nullopt).reason, Reason::auth_age_required);
  const auto aged_deny = made(Kind::deny, {}, {}, -1, {{0, 300s}});
  EXPECT_EQ(read_fact(aged_deny, 300s).reason, Reason::no_rule);
  EXPECT_EQ(read_fact(aged_deny, 301s), (Answer{.reason = Reason::denied_by_rule, .rules = {0}}));
  EXPECT_EQ(read_fact(std::nullopt, 0s).reason, Reason::no_rule);
}

TEST(Facts, OfTenThousandPoliciesComeFast) {
  std::vector<model::Route> routes;
  std::vector<model::AccessRule> access = {
      deny("office").methods({"POST"}).unless(If().source({"10.0.0.0/8"}))};
  for (unsigned i = 0; i < 10'000; ++i) {
    const std::string n = std::to_string(i);
    routes.push_back(route("r" + n, "/r" + n, {"POST"}));
  }
  std::vector<model::App> apps;
  for (unsigned i = 0; i < 10'000; i += 100) {
    std::vector<model::Route> some(routes.begin() + i, routes.begin() + i + 100);
    std::vector<model::AccessRule> rules = access;
    for (unsigned j = i; j < i + 100; ++j) {
      const std::string n = std::to_string(j);
      rules.push_back(allow("a" + n)
                          .any_of({"role" + n, "role" + std::to_string(j % 500)})
                          .on({"r" + n})
                          .when(If().acr(1)));
    }
    apps.push_back(app("app" + std::to_string(i), {"a.test"}, std::move(some), std::move(rules)));
  }
  const auto set = compiled(testing::estate(std::move(apps)));
  ASSERT_EQ(set->policies.size(), 10'000U);
  std::size_t facts = 0;
  const auto start = std::chrono::steady_clock::now();
  for_each_fact(*set, holding({"role1", "role2", "role3", "role4000"}, 2), k_monday_noon,
                [&](const Policy&, const Slice&, const Fact&) { ++facts; });
  const auto spent = std::chrono::steady_clock::now() - start;
  RecordProperty("microseconds",
                 static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(spent).count()));
  EXPECT_EQ(facts, 10'000U + 61);  // denied outside, allowed inside
  EXPECT_LT(spent, 250ms);         // about 10 ms alone on an idle machine
}

}  // namespace
}  // namespace durward::policy
