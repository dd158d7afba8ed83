// Proves: each finding is made where it should be, points at the rule or route it means, and is not made
// beside it; and inclusion of rules is exact in each dimension.
#include "policy/findings.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "policy/canonical.h"
#include "policy/codes.h"
#include "policy/cover.h"
#include "testing/model_builder.h"
#include "testing/random_estate.h"

namespace durward::policy {
namespace {

using namespace std::chrono_literals;
using testing::allow;
using testing::app;
using testing::deny;
using testing::If;
using testing::route;
using testing::Rule;
using testing::window;
using Rules = std::vector<model::AccessRule>;
using Codes = std::vector<std::string>;

struct Found {
  model::ModelPtr model;
  Diagnostics diagnostics;
  Codes codes() const {
    Codes out;
    for (const auto& d : diagnostics.all()) out.push_back(d.code);
    std::sort(out.begin(), out.end());
    return out;
  }
};

Found check(model::Model estate) {
  Found out;
  out.model = testing::shared(std::move(estate));
  compile(out.model, out.diagnostics);
  return out;
}

Found check(std::vector<model::Route> routes, Rules access) {
  return check(testing::estate({app("shop", {"a.test"}, std::move(routes), std::move(access))}));
}

// Two routes; rules for everybody would be findings of their own, so there is a rule for each that is none.
Found check(Rules access) {
  access.push_back(allow("base-x").any_of({"base"}).on({"x"}));
  access.push_back(allow("base-y").any_of({"base"}).on({"y"}));
  return check({route("x", "/x"), route("y", "/y", {"GET", "POST"})}, std::move(access));
}

struct Case {
  const char* name;
  Rules access;
  Codes codes;
};

void expect_all(const std::vector<Case>& cases) {
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Found found = check(c.access);
    EXPECT_EQ(found.codes(), c.codes) << render_text(found.diagnostics);
    for (const auto& d : found.diagnostics.all()) {
      EXPECT_TRUE(d.span.known());
      EXPECT_NE(d.hint, "");
      EXPECT_EQ(d.severity, Severity::warning);
    }
  }
}

const auto k_noon = window(1, 720, 780), k_morning = window(1, 540, 720),
           k_day = window(testing::every_day, 480, 1080);

TEST(Findings, RulesThatNeverMatch) {
  expect_all({
      {"held and not held", {allow("r").all_of({"a", "b"}).none_of({"b"})}, {"POL101"}},
      {"none of the only ones", {allow("r").any_of({"a", "b"}).none_of({"a", "b", "c"})}, {"POL101"}},
      {"one is left", {allow("r").any_of({"a", "b"}).none_of({"a"})}, {}},
      {"unless as wide as when",
       {allow("r").any_of({"a"}).when(If().weekly({k_noon})).unless(If().weekly({k_day}))},
       {"POL101"}},
      {"unless beside when",
       {allow("r").any_of({"a"}).when(If().weekly({k_noon})).unless(If().weekly({k_morning}))},
       {}},
      {"a deny too", {deny("r").all_of({"a"}).none_of({"a"})}, {"POL101"}},
      {"unless alone", {allow("r").any_of({"a"}).unless(If().weekly({k_noon}))}, {}},
  });
}

TEST(Findings, RolesThatExcludeEachOther) {
  const auto with_roles = [](const Rule& rule) {
    auto estate = testing::estate(
        {app("shop", {"a.test"}, {route("x", "/x")}, {rule, allow("base").any_of({"base"})})});
    for (const char* name : {"maker", "checker", "viewer"})
      estate.roles[name].name = testing::spanned(std::string(name));
    estate.roles["maker"].excludes = testing::spanned_words({"checker"});
    return check(std::move(estate)).codes();
  };
  EXPECT_EQ(with_roles(allow("r").all_of({"maker", "checker"})), (Codes{"POL101"}));
  EXPECT_EQ(with_roles(allow("r").all_of({"checker", "maker", "viewer"})), (Codes{"POL101"}));
  EXPECT_EQ(with_roles(allow("r").any_of({"maker"}).all_of({"checker"})), (Codes{"POL101"}));
  EXPECT_EQ(with_roles(allow("r").any_of({"maker", "viewer"}).all_of({"checker"})), Codes{});
  EXPECT_EQ(with_roles(allow("r").any_of({"maker", "checker"})), Codes{});
  EXPECT_EQ(with_roles(allow("r").all_of({"maker", "viewer"})), Codes{});
}

TEST(Findings, HeadThatIsJudgedAsGet) {
  expect_all({
      {"on a route that takes any method",
       {allow("r").any_of({"a"}).methods({"GET", "HEAD"}).on({"x"})},
       {"POL102"}},
      {"on a route that lists GET: the model says it",
       {allow("r").any_of({"a"}).methods({"HEAD"}).on({"y"})},
       {}},
      {"not named", {allow("r").any_of({"a"}).methods({"GET"}).on({"x"})}, {}},
  });
  const Rules head = {allow("r").any_of({"a"}).methods({"HEAD"})};
  EXPECT_EQ(check({route("x", "/x", {"HEAD"}), route("y", "/y", {"HEAD"})}, head).codes(), Codes{});
}

TEST(Findings, RulesThatOthersCover) {
  expect_all({
      {"twice the same",
       {allow("b").any_of({"a"}).on({"x"}), allow("a").any_of({"a"}).on({"x"})},
       {"POL103"}},
      {"fewer roles", {allow("b").any_of({"a"}), allow("a").any_of({"a", "c"})}, {"POL103"}},
      {"fewer routes", {allow("b").any_of({"a"}).on({"x"}), allow("a").any_of({"a"})}, {"POL103"}},
      {"fewer methods", {allow("b").any_of({"a"}).methods({"GET"}), allow("a").any_of({"a"})}, {"POL103"}},
      {"a condition more",
       {allow("b").any_of({"a"}).when(If().acr(1)), allow("a").any_of({"a"})},
       {"POL103"}},
      {"other routes", {allow("b").any_of({"a"}).on({"x"}), allow("a").any_of({"a"}).on({"y"})}, {}},
      {"other methods",
       {allow("b").any_of({"a"}).methods({"GET"}), allow("a").any_of({"a"}).methods({"POST"})},
       {}},
      {"other roles", {allow("b").any_of({"a"}), allow("a").any_of({"c"})}, {}},
      {"crosswise",
       {allow("b").any_of({"a"}).when(If().acr(1)), allow("a").any_of({"a"}).when(If().age(1min))},
       {}},
      {"denied wholly", {allow("r").any_of({"a"}), deny("d").any_of({"a", "z"})}, {"POL104"}},
      {"denied in part", {allow("r").any_of({"a"}), deny("d").any_of({"a"}).unless(If().acr(1))}, {}},
      {"denied elsewhere", {allow("r").any_of({"a"}).on({"x"}), deny("d").any_of({"a"}).on({"y"})}, {}},
      {"a dead deny denies nothing",
       {allow("r").any_of({"a"}), deny("d").any_of({"a"}).none_of({"a"})},
       {"POL101"}},
      {"a deny twice is none", {deny("d").any_of({"a"}), deny("e").any_of({"a"})}, {}},
  });
  const Found found = check({allow("b").any_of({"a"}).on({"x"}), allow("a").any_of({"a"}).on({"x"})});
  const auto& rules = found.model->apps.front().access;
  ASSERT_EQ(found.diagnostics.all().size(), 1U);
  EXPECT_EQ(found.diagnostics.all().front().span.line,
            rules[0].span.line);  // of two alike the greater id goes
  EXPECT_EQ(found.diagnostics.all().front().related.front().span.line, rules[1].span.line);
}

TEST(Findings, RoutesNobodyCanReach) {
  const std::vector<model::Route> one = {route("x", "/x")}, two_methods = {route("x", "/x", {"GET", "POST"})};
  EXPECT_EQ(check(one, {}).codes(), (Codes{"POL105"}));
  EXPECT_EQ(check(one, {deny("d").any_of({"a"})}).codes(), (Codes{"POL105"}));
  EXPECT_EQ(check(one, {allow("a").any_of({"a"}), deny("d").all_of({"a"})}).codes(),
            (Codes{"POL104", "POL105"}));
  EXPECT_EQ(
      check(one, {allow("a").any_of({"a", "b"}), deny("d").any_of({"a"}), deny("e").any_of({"b"})}).codes(),
      (Codes{"POL105"}));
  EXPECT_EQ(check(one, {allow("a").any_of({"a", "b"}), deny("d").any_of({"a"})}).codes(), Codes{});
  EXPECT_EQ(check(one, {allow("a").anonymous()}).codes(), Codes{});
  // Never at noon and in the morning at once.
  EXPECT_EQ(check(one, {allow("a").any_of({"a"}).when(If().weekly({k_noon})),
                        deny("d").unless(If().weekly({k_morning}))})
                .codes(),
            (Codes{"POL104", "POL105"}));
  EXPECT_EQ(check(two_methods, {allow("a").any_of({"a"}).methods({"GET"})}).codes(), (Codes{"POL105"}));
  EXPECT_EQ(check(one, {allow("a").any_of({"a"}).methods({"GET"})}).codes(), Codes{});
  const Found found = check(one, {});
  EXPECT_EQ(found.diagnostics.all().front().span.line, found.model->apps.front().routes.front().id.span.line);
}

TEST(Findings, RoutesOpenToAnyone) {
  const std::vector<model::Route> routes = {route("x", "/x"), route("y", "/y")};
  EXPECT_EQ(check(routes, {allow("a")}).codes(), (Codes{"POL106"}));
  EXPECT_EQ(check(routes, {allow("a").on({"x", "y"})}).codes(), Codes{});
  EXPECT_EQ(check(routes, {allow("a").anonymous(), allow("b").signed_in()}).codes(), (Codes{"POL106"}));
  EXPECT_EQ(check(routes, {allow("a").when(If().acr(1))}).codes(), Codes{});
  EXPECT_EQ(check(routes, {allow("a"), deny("d").any_of({"z"})}).codes(), Codes{});
  const Found found = check(routes, {allow("a")});
  EXPECT_EQ(found.diagnostics.all().front().message,
            "rule 'a' opens routes to anyone without listing them: x, y");
}

TEST(Findings, WideRoutesOverNarrowOnes) {
  const auto wide = route("wide", "/{**}");
  const auto admin = route("admin", "/admin");
  const Rules guarded = {allow("w").on({"wide"}), allow("n").any_of({"a"}).on({"admin"})};
  EXPECT_EQ(check({wide, admin}, guarded).codes(), (Codes{"POL107"}));
  EXPECT_EQ(check({wide, admin}, {allow("w").any_of({"a"})}).codes(), Codes{});
  EXPECT_EQ(check({wide, admin},
                  {allow("w").any_of({"a"}).on({"wide"}), allow("n").any_of({"a", "b"}).on({"admin"})})
                .codes(),
            Codes{});
  EXPECT_EQ(
      check({wide, admin}, {allow("w").any_of({"a"}).on({"wide"}), allow("n").any_of({"b"}).on({"admin"})})
          .codes(),
      (Codes{"POL107"}));
  EXPECT_EQ(check({wide, admin}, {allow("w").signed_in(), deny("d").any_of({"z"}).on({"admin"})}).codes(),
            (Codes{"POL107"}));
  EXPECT_EQ(check({wide, admin}, {allow("w").signed_in(), deny("d").any_of({"z"})}).codes(), Codes{});
  // Not below it, or never the same method.
  EXPECT_EQ(check({route("wide", "/help/{**}"), admin}, guarded).codes(), Codes{});
  EXPECT_EQ(check({route("wide", "/help/{**}"), route("admin", "/help")}, guarded).codes(), Codes{});
  EXPECT_EQ(check({route("wide", "/help/{**}"), route("admin", "/help/x/y")}, guarded).codes(),
            (Codes{"POL107"}));
  EXPECT_EQ(check({route("wide", "/{t}/{**}"), route("admin", "/a/x")}, guarded).codes(), (Codes{"POL107"}));
  EXPECT_EQ(check({route("wide", "/a/{**}"), route("admin", "/{t}/x")}, guarded).codes(), Codes{});
  EXPECT_EQ(check({route("wide", "/{**}", {"GET"}), route("admin", "/admin", {"POST"})}, guarded).codes(),
            Codes{});
  EXPECT_EQ(check({route("wide", "/{**}", {"GET"}), route("admin", "/admin")}, guarded).codes(),
            (Codes{"POL107"}));
  // Also between apps of one host.
  const auto apps = [&](const char* other_host) {
    return check(testing::estate({app("one", {"a.test"}, {wide}, {allow("w").on({"wide"})}),
                                  app("two", {other_host}, {admin}, {allow("n").any_of({"a"})})}))
        .codes();
  };
  EXPECT_EQ(apps("a.test"), (Codes{"POL107"}));
  EXPECT_EQ(apps("b.test"), Codes{});
}

TEST(Findings, NoneOfAlone) {
  expect_all({
      {"alone", {allow("r").none_of({"a"})}, {"POL108"}},
      {"with a role", {allow("r").any_of({"b"}).none_of({"a"})}, {}},
      {"with a level", {allow("r").none_of({"a"}).when(If().acr(0))}, {}},
      {"in a deny", {deny("r").none_of({"a"}).unless(If().acr(0))}, {}},
  });
}

TEST(Findings, ManyPlainDeniesAreNotContrived) {
  Rules access = {allow("a").any_of({"a"})};
  for (unsigned i = 0; i < 300; ++i) {
    const std::string n = std::to_string(i);
    access.push_back(deny("one" + n).any_of({"bad" + n}));
    access.push_back(deny("two" + n).none_of({"m" + n, "n" + n}));
    access.push_back(deny("three" + n).all_of({"m" + n, "b" + n}));
  }
  EXPECT_EQ(check({route("x", "/x")}, access).codes(), Codes{});
  access.push_back(deny("y").none_of({"z"}));
  access.push_back(deny("z").all_of({"z"}));
  EXPECT_EQ(check({route("x", "/x")}, access).codes(), (Codes{"POL105"}));
}

TEST(Findings, RulesTooContrivedToDecide) {
  Rules access = {allow("a").signed_in()};
  for (unsigned i = 0; i < 12; ++i) {
    testing::Words holes;
    for (unsigned h = 0; h < 11; ++h) {
      holes.push_back("p" + std::to_string(i) + "h" + std::to_string(h));
      for (unsigned j = 0; j < i; ++j)
        access.push_back(deny("d" + holes.back() + "-" + std::to_string(j))
                             .all_of({holes.back(), "p" + std::to_string(j) + "h" + std::to_string(h)}));
    }
    access.push_back(deny("e" + std::to_string(i)).none_of(holes));
  }
  const Found found = check({route("x", "/x")}, access);
  EXPECT_EQ(found.codes(), (Codes{"POL003"}));
  EXPECT_TRUE(found.diagnostics.has_errors());
}

// ---- inclusion

bool inside(const model::AccessRule& narrow, const model::AccessRule& wide) {
  return covers(canonical(wide), canonical(narrow));
}

TEST(Cover, Audiences) {
  const model::AccessRule anyone = allow("r"), anonymous = allow("r").anonymous(),
                          signed_in = allow("r").signed_in(), a = allow("r").any_of({"a"}),
                          ab = allow("r").any_of({"a", "b"}), both = allow("r").all_of({"a", "b"}),
                          not_c = allow("r").none_of({"c"}),
                          a_not_c = allow("r").any_of({"a"}).none_of({"c"});
  for (const auto& rule : {anyone, anonymous, signed_in, a, ab, both, not_c, a_not_c}) {
    EXPECT_TRUE(inside(rule, rule));
    EXPECT_TRUE(inside(rule, anyone));
  }
  for (const auto& rule : {a, ab, both, a_not_c}) EXPECT_TRUE(inside(rule, signed_in));
  EXPECT_FALSE(inside(not_c, signed_in));
  EXPECT_FALSE(inside(anyone, signed_in));
  EXPECT_FALSE(inside(signed_in, a));
  EXPECT_TRUE(inside(a, ab));
  EXPECT_FALSE(inside(ab, a));
  EXPECT_TRUE(inside(both, a));
  EXPECT_TRUE(inside(both, ab));
  EXPECT_FALSE(inside(a, both));
  EXPECT_TRUE(inside(a, allow("r").all_of({"a"})));
  EXPECT_TRUE(inside(a_not_c, a));
  EXPECT_TRUE(inside(a_not_c, not_c));
  EXPECT_FALSE(inside(a, a_not_c));
  EXPECT_TRUE(inside(anonymous, not_c));
  EXPECT_FALSE(inside(anonymous, a));
}

TEST(Cover, Conditions) {
  const auto when = [](const If& conditions) {
    return model::AccessRule(allow("r").signed_in().when(conditions));
  };
  EXPECT_TRUE(inside(when(If().acr(2)), when(If().acr(1))));
  EXPECT_FALSE(inside(when(If().acr(1)), when(If().acr(2))));
  EXPECT_TRUE(inside(when(If().age(1min)), when(If().age(2min))));
  EXPECT_FALSE(inside(when(If().age(2min)), when(If().age(1min))));
  EXPECT_TRUE(inside(when(If().weekly({k_noon})), when(If().weekly({k_day}))));
  EXPECT_TRUE(
      inside(when(If().weekly({k_noon})), when(If().weekly({window(1, 700, 750), window(1, 750, 800)}))));
  EXPECT_FALSE(inside(when(If().weekly({k_day})), when(If().weekly({k_noon}))));
  EXPECT_TRUE(inside(when(If().weekly({window(1, 0, 60)})), when(If().weekly({window(1U << 6, 1380, 120)}))));
  EXPECT_FALSE(inside(when(If().weekly({window(1, 720, 780, "Europe/Berlin")})), when(If().weekly({k_day}))));
  EXPECT_TRUE(inside(when(If().source({"10.1.0.0/16"})), when(If().source({"10.0.0.0/8"}))));
  EXPECT_TRUE(inside(when(If().source({"10.0.0.0/8"})),
                     when(If().source({"10.0.0.0/9", "10.128.0.0/10", "10.192.0.0/10"}))));
  EXPECT_FALSE(inside(when(If().source({"10.0.0.0/8"})), when(If().source({"10.0.0.0/9", "10.128.0.0/10"}))));
  EXPECT_FALSE(inside(when(If().source({"::/1"})), when(If().source({"10.0.0.0/8"}))));
  EXPECT_TRUE(inside(when(If().acr(1).age(1min)), when(If().acr(1))));
  EXPECT_FALSE(inside(when(If().acr(1)), when(If().acr(1).age(1min))));
}

TEST(Cover, Exemptions) {
  const model::AccessRule plain = allow("r").signed_in(),
                          noon = allow("r").signed_in().when(If().weekly({k_noon})),
                          not_noon = allow("r").signed_in().unless(If().weekly({k_noon})),
                          not_day = allow("r").signed_in().unless(If().weekly({k_day})),
                          morning = allow("r").signed_in().when(If().weekly({k_morning}));
  EXPECT_TRUE(inside(not_noon, plain));
  EXPECT_FALSE(inside(plain, not_noon));
  EXPECT_TRUE(inside(not_day, not_noon));
  EXPECT_FALSE(inside(not_noon, not_day));
  EXPECT_TRUE(inside(morning, not_noon));
  EXPECT_FALSE(inside(noon, not_noon));
}

// What cover.cc calls covered, no request may tell apart.
TEST(Cover, NeverContradictsTheEvaluator) {
  testing::RandomEstates random(11);
  unsigned covered = 0;
  for (unsigned i = 0; i < 400; ++i) {
    const auto estate = testing::shared(random.estate());
    for (const auto& one : estate->apps) {
      for (const auto& narrow : one.access) {
        for (const auto& wide : one.access) {
          if (&narrow == &wide || narrow.effect != model::Effect::allow || !inside(narrow, wide)) continue;
          ++covered;
          for (unsigned j = 0; j < 10; ++j) {
            const auto probe = random.probe(*estate);
            const auto by = [&](model::AccessRule rule) {
              rule.routes.clear();
              rule.methods.clear();
              rule.effect = model::Effect::allow;
              auto request = probe.request;
              request.host = "a.test";
              request.path = "/x";
              return evaluate(testing::estate({app("shop", {"a.test"}, {route("x", "/x")}, {rule})}),
                              probe.subject, request)
                  .allow;
            };
            EXPECT_TRUE(!by(narrow) || by(wide)) << narrow.id.value << " in " << wide.id.value;
          }
        }
      }
    }
  }
  EXPECT_GT(covered, 200U);
}

}  // namespace
}  // namespace durward::policy
