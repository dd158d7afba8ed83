// Proves: the reference evaluator means what the design says, rule by rule: hosts, refusals, routes, HEAD,
// three values, conditions at their edges, and each reason for a refusal.
#include "policy/evaluate.h"

#include <gtest/gtest.h>

#include "testing/model_builder.h"

namespace durward::policy {
namespace {

using namespace std::chrono_literals;
using testing::allow;
using testing::app;
using testing::deny;
using testing::If;
using testing::nobody;
using testing::Person;
using testing::route;
using testing::subject;
using testing::window;
using Ids = std::vector<std::string>;

constexpr std::chrono::sys_seconds k_monday_noon{1'780'315'200s};  // 2026-06-01 12:00 UTC

Request get(const std::string& path, const std::string& method = "GET") {
  return {.host = "a.test",
          .method = method,
          .path = path,
          .source = testing::address("10.1.2.3"),
          .at = k_monday_noon};
}

model::Model one_app(std::vector<model::Route> routes, std::vector<model::AccessRule> access) {
  return testing::estate({app("shop", {"a.test"}, std::move(routes), std::move(access))});
}

// One route at /x.
model::Model rules(std::vector<model::AccessRule> access) {
  return one_app({route("x", "/x")}, std::move(access));
}

Verdict ask(const model::Model& estate, const model::Subject& who, Request request = get("/x")) {
  return evaluate(estate, who, request);
}

Reason why(const model::Model& estate, const model::Subject& who, Request request = get("/x")) {
  const Verdict verdict = ask(estate, who, std::move(request));
  EXPECT_EQ(verdict.allow, verdict.reason == Reason::allowed);
  return verdict.reason;
}

std::string route_of(const model::Model& estate, const Request& request) {
  const Verdict verdict = evaluate(estate, nobody(), request);
  return verdict.route == nullptr ? to_string(verdict.reason) : verdict.route->id.value;
}

// ---- refusals

TEST(Refusal, PathsThatCanBeReadTwoWays) {
  for (const char* path : {"",        "x",          "*",          "//",     "//a",
                           "/a//b",   "/a//",       "/.",         "/..",    "/a/./b",
                           "/a/../b", "/a/.",       "/a/..",      "/a;b",   "/;",
                           "/a\\b",   "/a b",       "/a\tb",      "/a\x7f", "/caf\xc3\xa9",
                           "/a?b",    "/[1]",       "/a#b",       "/a\"",   "/<",
                           "/>",      "/^",         "/`",         "/{",     "/|",
                           "/}",      "/%",         "/%4",        "/%zz",   "/a%4g",
                           "/%61",    "/%41",       "/%30",       "/%2d",   "/%2D",
                           "/%5f",    "/%5F",       "/%7e",       "/%7E",   "/%2e",
                           "/%2E",    "/%2f",       "/%2F",       "/%3b",   "/%3B",
                           "/%5c",    "/%5C",       "/%25",       "/%00",   "/%0a",
                           "/%1f",    "/%7f",       "/%2e%2e/a",  "/a%2",   "/%c0%ae",
                           "/%C1%81", "/%e0%80%ae", "/%E0%9f%bf", "/%e0",   "/%f0%80%80%ae",
                           "/%F5",    "/%ff"}) {
    EXPECT_TRUE(ambiguous_path(path)) << path;
  }
  EXPECT_TRUE(ambiguous_path(std::string_view("/a\0b", 4)));
}

TEST(Refusal, PathsThatAreFine) {
  for (const char* path : {"/",        "/a",         "/a/",        "/a/b",          "/.a",
                           "/...",     "/a.",        "/..a/b",     "/a%20b",        "/caf%c3%a9",
                           "/%3F",     "/%23",       "/a:b@c",     "/a!$&'()*+,=",  "/~me",
                           "/a-b_c.d", "/%E2%82%AC", "/%e0%a4%85", "/%F0%9f%98%80", "/%c2%a9"}) {
    EXPECT_EQ(ambiguous_path(path), std::nullopt) << path;
  }
}

TEST(Refusal, Hosts) {
  for (const char* host : {"",
                           ":80",
                           "a b",
                           "a_b",
                           "a/b",
                           "a.test:",
                           "a.test:8x",
                           "a.test:123456",
                           "a.test:80:80",
                           "a@b",
                           "[::1]",
                           "a,b",
                           "caf\xc3\xa9.test",
                           "a.test\t",
                           "%61.test",
                           "a..test",
                           ".",
                           "a.test..",
                           ".a",
                           "-a.test",
                           "a-.test"}) {
    EXPECT_TRUE(ambiguous_host(host)) << host;
  }
  for (const char* host :
       {"a.test", "A.Test", "a.test.", "a.test:8443", "a.test.:443", "10.0.0.1", "xn--caf-dma.test"})
    EXPECT_EQ(ambiguous_host(host), std::nullopt) << host;
}

TEST(Refusal, Methods) {
  for (const char* method : {"", "G T", "X_1", "-A", "TRACE", "CONNECT", "A123"})
    EXPECT_TRUE(refused_method(method)) << method;
  for (const char* method : {"GET", "PATCH", "OPTIONS", "M-SEARCH", "BREW"})
    EXPECT_EQ(refused_method(method), std::nullopt) << method;
}

TEST(Refusal, TheGatewaysOwnPathsAreNoApps) {
  const auto estate = rules({allow("all")});
  EXPECT_EQ(why(estate, nobody(), get("/.durward/adopt")), Reason::no_route);
  Request elsewhere = get("/.durward/adopt");
  elsewhere.host = "nowhere.test";
  EXPECT_EQ(why(estate, nobody(), elsewhere), Reason::no_route)
      << "as HAProxy answers, before it looks at hosts";
}

TEST(Refusal, ComesBeforeEverything) {
  const auto estate = rules({allow("all")});
  EXPECT_EQ(why(estate, nobody(), get("/x/../x")), Reason::bad_request);
  Request request = get("/x");
  request.host = "a.test, b.test";
  EXPECT_EQ(why(estate, nobody(), request), Reason::bad_request);
  request.host = "b.test";
  EXPECT_EQ(why(estate, nobody(), request), Reason::no_host);
}

TEST(Refusal, EveryReasonHasAWordAndASentence) {
  for (int i = 0; i <= static_cast<int>(Reason::auth_age_required); ++i) {
    EXPECT_STRNE(to_string(static_cast<Reason>(i)), "");
    EXPECT_STRNE(describe(static_cast<Reason>(i)), "");
  }
}

// ---- routes

TEST(Routes, HostsAreComparedWithoutCasePortAndOneDot) {
  const auto estate = rules({allow("all")});
  for (const char* host : {"a.test", "A.TEST", "a.test.", "a.test:8443", "A.test.:1"}) {
    Request request = get("/x");
    request.host = host;
    EXPECT_EQ(why(estate, nobody(), request), Reason::allowed) << host;
  }
  for (const char* host : {"b.a.test", "a.tes", "test"}) {
    Request request = get("/x");
    request.host = host;
    EXPECT_EQ(why(estate, nobody(), request), Reason::no_host) << host;
  }
  Request two_dots = get("/x");
  two_dots.host = "a.test..";
  EXPECT_EQ(why(estate, nobody(), two_dots), Reason::bad_request);
}

TEST(Routes, TheMostSpecificTemplateWinsSegmentBySegment) {
  const auto estate =
      one_app({route("rest", "/{**}"), route("p", "/{x}"), route("a", "/a"), route("root", "/"),
               route("a-slash", "/a/"), route("ap", "/a/{x}"), route("pb", "/{x}/b"),
               route("a-rest", "/a/{**}"), route("apc", "/a/{x}/c"), route("ab-rest", "/a/b/{**}")},
              {});
  EXPECT_EQ(route_of(estate, get("/")), "root");
  EXPECT_EQ(route_of(estate, get("/a")), "a");
  EXPECT_EQ(route_of(estate, get("/A")), "p");
  EXPECT_EQ(route_of(estate, get("/a/")), "a-slash");
  EXPECT_EQ(route_of(estate, get("/z/")), "rest");
  EXPECT_EQ(route_of(estate, get("/a/b")), "ap");  // a literal first segment goes before a literal second
  EXPECT_EQ(route_of(estate, get("/z/b")), "pb");
  EXPECT_EQ(route_of(estate, get("/a/z/c")), "apc");
  EXPECT_EQ(route_of(estate, get("/a/b/c")), "ab-rest");
  EXPECT_EQ(route_of(estate, get("/a/b/")), "ab-rest");
  EXPECT_EQ(route_of(estate, get("/a/z/d")), "a-rest");
  EXPECT_EQ(route_of(estate, get("/z/z/z")), "rest");
}

TEST(Routes, ParametersAreNotEmptyAndTheRestMayBe) {
  const auto estate = one_app({route("p", "/v/{x}/w"), route("rest", "/help/{**}")}, {});
  EXPECT_EQ(route_of(estate, get("/v/1/w")), "p");
  EXPECT_EQ(route_of(estate, get("/v//w")), "bad_request");
  EXPECT_EQ(route_of(estate, get("/v/1/w/")), "no_route");
  EXPECT_EQ(route_of(estate, get("/help/")), "rest");
  EXPECT_EQ(route_of(estate, get("/help/a/b/")), "rest");
  EXPECT_EQ(route_of(estate, get("/help")), "no_route");
  EXPECT_EQ(route_of(estate, get("/helper")), "no_route");
}

TEST(Routes, TemplatesThatLackTheMethodArePassedOver) {
  const auto estate =
      one_app({route("get", "/a/b", {"GET"}), route("post", "/a/{x}", {"POST"}), route("rest", "/{**}")}, {});
  EXPECT_EQ(route_of(estate, get("/a/b")), "get");
  EXPECT_EQ(route_of(estate, get("/a/b", "POST")), "post");
  EXPECT_EQ(route_of(estate, get("/a/b", "PUT")), "rest");
  EXPECT_EQ(route_of(estate, get("/a/b", "get")), "rest");
  EXPECT_EQ(route_of(estate, get("/a/b", "HEAD")), "get");
}

TEST(Routes, AppsMayShareAHost) {
  const auto estate = testing::estate({app("one", {"a.test", "b.test"}, {route("a", "/a")}, {allow("all")}),
                                       app("two", {"a.test"}, {route("wide", "/{**}")}, {deny("none")})});
  EXPECT_EQ(route_of(estate, get("/a")), "a");
  EXPECT_EQ(ask(estate, nobody(), get("/a")).app->name.value, "one");
  EXPECT_EQ(ask(estate, nobody(), get("/b")).app->name.value, "two");
  EXPECT_EQ(why(estate, nobody(), get("/a")), Reason::allowed);  // only that route's rules
}

TEST(Routes, HeadFollowsGetUnlessListed) {
  const auto follows = one_app({route("x", "/x", {"GET"})}, {allow("all"), deny("no").methods({"GET"})});
  EXPECT_EQ(why(follows, nobody(), get("/x", "HEAD")), Reason::denied_by_rule);
  const auto own = one_app({route("x", "/x", {"GET", "HEAD"})}, {allow("all"), deny("no").methods({"GET"})});
  EXPECT_EQ(why(own, nobody(), get("/x", "HEAD")), Reason::allowed);
  const auto any = one_app({route("x", "/x")}, {allow("all"), deny("no").methods({"GET"})});
  EXPECT_EQ(why(any, nobody(), get("/x", "HEAD")), Reason::denied_by_rule);
  EXPECT_EQ(why(any, nobody(), get("/x", "POST")), Reason::allowed);
  const auto beside = one_app({route("get", "/x", {"GET"}), route("head", "/{p}", {"HEAD"})}, {});
  EXPECT_EQ(route_of(beside, get("/x", "HEAD")), "get");
  for (const bool head_first : {true, false}) {
    const auto head = route("head", "/{q}", {"HEAD"});
    const auto twin = route("get", "/{p}", {"GET"});
    const auto twins = head_first ? one_app({head, twin}, {}) : one_app({twin, head}, {});
    EXPECT_EQ(route_of(twins, get("/x", "HEAD")), "head");
    EXPECT_EQ(route_of(twins, get("/x")), "get");
  }
}

// ---- who

struct AudienceRow {
  const char* name;
  model::AccessRule rule;  // an allow or a deny
  std::vector<std::pair<Person, bool>> people;
  bool anonymous;
};

// With a deny, what is asked is whether it bites beside an allow for everyone.
bool matches(const AudienceRow& row, const model::Subject& who) {
  if (row.rule.effect == model::Effect::allow) return ask(rules({row.rule}), who).allow;
  return !ask(rules({allow("everyone"), row.rule}), who).allow;
}

TEST(Audience, ListsAreThreeValued) {
  const std::vector<AudienceRow> rows = {
      {"anyone", allow("r"), {{{}, true}}, true},
      {"anonymous", allow("r").anonymous(), {{{}, false}}, true},
      {"signedIn", allow("r").signed_in(), {{{}, true}}, false},
      {"any",
       allow("r").any_of({"a", "b"}),
       {{{{"a"}, {}}, true},
        {{{"b", "z"}, {}}, true},
        {{{"z"}, {}}, false},
        {{{}, {"a"}}, false},
        {{{"b"}, {"a"}}, true}},
       false},
      {"all",
       allow("r").all_of({"a", "b"}),
       {{{{"a"}, {}}, false}, {{{"a", "b"}, {}}, true}, {{{"a"}, {"b"}}, false}},
       false},
      {"none",
       allow("r").none_of({"a", "b"}),
       {{{{}, {}}, true}, {{{"a"}, {}}, false}, {{{}, {"b"}}, false}, {{{"z"}, {"y"}}, true}},
       true},
      {"mixed",
       allow("r").any_of({"a"}).none_of({"b"}),
       {{{{"a"}, {}}, true}, {{{"a", "b"}, {}}, false}, {{{"a"}, {"b"}}, false}},
       false},
      {"denyAny",
       deny("r").any_of({"a", "b"}),
       {{{{"a"}, {}}, true}, {{{"z"}, {}}, false}, {{{}, {"a"}}, true}},
       false},
      {"denyAll",
       deny("r").all_of({"a", "b"}),
       {{{{"a"}, {}}, false}, {{{"a"}, {"b"}}, true}, {{{}, {"a", "b"}}, true}, {{{}, {"a"}}, false}},
       false},
      {"denyNone",
       deny("r").none_of({"a"}),
       {{{{}, {}}, true}, {{{"a"}, {}}, false}, {{{}, {"a"}}, true}},
       true},
      {"denySignedIn", deny("r").signed_in(), {{{}, true}}, false},
      {"denyAnonymous", deny("r").anonymous(), {{{}, false}}, true},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(matches(row, nobody()), row.anonymous);
    for (const auto& [person, expected] : row.people)
      EXPECT_EQ(matches(row, subject(person)), expected)
          << join(person.roles, ",") << " unknown " << join(person.unknown, ",");
  }
}

TEST(Audience, SomeoneWithoutASessionHoldsNothingWhateverTheSubjectSays) {
  model::Subject who = nobody();
  who.roles.insert("a");
  who.unknown_roles.insert("b");
  who.acr = 2;
  EXPECT_FALSE(ask(rules({allow("r").any_of({"a"})}), who).allow);
  EXPECT_FALSE(ask(rules({allow("r").when(If().acr(0))}), who).allow);
  EXPECT_TRUE(ask(rules({allow("all"), deny("r").any_of({"b"})}), who).allow);
}

// ---- conditions

TEST(Conditions, AcrIsAtOrAbove) {
  const auto estate = rules({allow("r").signed_in().when(If().acr(1))});
  EXPECT_EQ(why(estate, subject({.acr = -1})), Reason::acr_required);
  EXPECT_EQ(why(estate, subject({.acr = 0})), Reason::acr_required);
  EXPECT_EQ(why(estate, subject({.acr = 1})), Reason::allowed);
  EXPECT_EQ(why(estate, subject({.acr = 2})), Reason::allowed);
}

TEST(Conditions, AuthAgeIncludesItsLimit) {
  const auto estate = rules({allow("r").signed_in().when(If().age(15min))});
  const auto at_age = [&](std::chrono::seconds age, std::int64_t milliseconds = 0) {
    Request request = get("/x");
    request.at_fraction_ms = milliseconds;
    return why(estate, subject({.auth_time = k_monday_noon - age}), request);
  };
  EXPECT_EQ(at_age(0s), Reason::allowed);
  EXPECT_EQ(at_age(899s), Reason::allowed);
  EXPECT_EQ(at_age(900s), Reason::allowed);
  EXPECT_EQ(at_age(900s, 1), Reason::auth_age_required);
  EXPECT_EQ(at_age(899s, 999), Reason::allowed);
  EXPECT_EQ(at_age(901s), Reason::auth_age_required);
  EXPECT_EQ(at_age(-5s), Reason::allowed);
  EXPECT_EQ(why(estate, subject({})), Reason::auth_age_required);
  EXPECT_EQ(why(estate, nobody()), Reason::login_required);
}

TEST(Conditions, WeeklyIsAnyOfItsWindows) {
  const auto noon = window(1, 12 * 60, 13 * 60);
  const auto night = window(testing::every_day, 22 * 60, 6 * 60);
  EXPECT_TRUE(ask(rules({allow("r").when(If().weekly({night, noon}))}), nobody()).allow);
  EXPECT_FALSE(ask(rules({allow("r").when(If().weekly({night}))}), nobody()).allow);
  EXPECT_FALSE(ask(rules({allow("all"), deny("r").when(If().weekly({noon}))}), nobody()).allow);
  EXPECT_TRUE(ask(rules({allow("all"), deny("r").unless(If().weekly({noon}))}), nobody()).allow);
  EXPECT_FALSE(ask(rules({allow("all").unless(If().weekly({noon}))}), nobody()).allow);
}

TEST(Conditions, AnUnknownZoneIsUnknown) {
  const auto nowhere = window(testing::every_day, 0, 1440, "Europe/Atlantis");
  EXPECT_FALSE(ask(rules({allow("r").when(If().weekly({nowhere}))}), nobody()).allow);
  EXPECT_FALSE(ask(rules({allow("all"), deny("r").when(If().weekly({nowhere}))}), nobody()).allow);
  EXPECT_FALSE(ask(rules({allow("all"), deny("r").unless(If().weekly({nowhere}))}), nobody()).allow);
}

TEST(Conditions, SourceIsAnyOfItsNetworks) {
  const auto from = [](const model::Model& estate, std::optional<model::IpAddress> source) {
    Request request = get("/x");
    request.source = source;
    return ask(estate, subject({}), request).allow;
  };
  const auto inside = rules({allow("r").signed_in().when(If().source({"10.0.0.0/8", "2001:db8::/32"}))});
  EXPECT_TRUE(from(inside, testing::address("10.255.255.255")));
  EXPECT_FALSE(from(inside, testing::address("11.0.0.0")));
  EXPECT_TRUE(from(inside, testing::address("::ffff:10.0.0.1")));
  EXPECT_TRUE(from(inside, testing::address("2001:db8:ffff::1")));
  EXPECT_FALSE(from(inside, testing::address("2001:db9::")));
  EXPECT_FALSE(from(inside, std::nullopt));
  const auto outside = rules({allow("all"), deny("r").unless(If().source({"10.0.0.0/8"}))});
  EXPECT_TRUE(from(outside, testing::address("10.0.0.0")));
  EXPECT_FALSE(from(outside, testing::address("9.255.255.255")));
  EXPECT_FALSE(from(outside, std::nullopt));  // an unknown never exempts
  const auto banned = rules({allow("all"), deny("r").when(If().source({"192.0.2.0/24"}))});
  EXPECT_TRUE(from(banned, testing::address("10.0.0.0")));
  EXPECT_FALSE(from(banned, std::nullopt));
  const auto elsewhere = rules({allow("r").signed_in().unless(If().source({"192.0.2.0/24"}))});
  EXPECT_TRUE(from(elsewhere, testing::address("10.0.0.0")));
  EXPECT_FALSE(from(elsewhere, testing::address("192.0.2.9")));
  EXPECT_FALSE(from(elsewhere, std::nullopt));
}

TEST(Conditions, AllThatAreSetMustHold) {
  const auto estate = rules({allow("all"), deny("r").unless(If().acr(2).source({"10.0.0.0/8"}))});
  EXPECT_TRUE(ask(estate, subject({.acr = 2})).allow);
  EXPECT_EQ(why(estate, subject({.acr = 1})), Reason::acr_required);
  Request request = get("/x");
  request.source = testing::address("192.0.2.1");
  EXPECT_EQ(why(estate, subject({.acr = 2}), request), Reason::denied_by_rule);
}

// ---- verdicts

TEST(Verdicts, DenyWinsAndOrderDoesNotMatter) {
  EXPECT_EQ(why(rules({allow("a"), deny("d")}), subject({})), Reason::denied_by_rule);
  EXPECT_EQ(why(rules({deny("d"), allow("a")}), subject({})), Reason::denied_by_rule);
  EXPECT_EQ(why(rules({}), subject({})), Reason::no_rule);
}

TEST(Verdicts, TheRulesThatMatchAreNamedInOrder) {
  const auto allowed = ask(rules({allow("b"), allow("a"), allow("no").any_of({"x"})}), subject({}));
  EXPECT_EQ(allowed.rules, (Ids{"a", "b"}));
  EXPECT_EQ(allowed.rule(), "a");
  const auto denied = ask(rules({allow("a"), deny("z"), deny("d")}), subject({}));
  EXPECT_EQ(denied.rules, (Ids{"d", "z"}));
  EXPECT_EQ(denied.rule(), "d");
  EXPECT_EQ(ask(rules({allow("a").any_of({"x"})}), subject({})).rule(), "");
}

TEST(Verdicts, RulesApplyToTheirRoutesAndMethods) {
  const auto estate = one_app({route("x", "/x"), route("y", "/y")},
                              {allow("x").on({"x"}), allow("post").methods({"POST"}).on({"y"})});
  EXPECT_TRUE(ask(estate, nobody(), get("/x")).allow);
  EXPECT_FALSE(ask(estate, nobody(), get("/y")).allow);
  EXPECT_TRUE(ask(estate, nobody(), get("/y", "POST")).allow);
  EXPECT_FALSE(ask(estate, nobody(), get("/y", "post")).allow);
}

TEST(Verdicts, AStrongerLoginIsNamedByItsLeastLevel) {
  const auto estate = rules(
      {allow("key").signed_in().when(If().acr(2)), allow("otp").signed_in().when(If().acr(1).age(5min))});
  const Verdict low = ask(estate, subject({.acr = 0, .auth_time = k_monday_noon}));
  EXPECT_EQ(low.reason, Reason::acr_required);
  EXPECT_EQ(low.acr_needed, 1);
  EXPECT_EQ(low.age_needed, 300s);
  EXPECT_TRUE(low.rules.empty());
  const Verdict stale = ask(estate, subject({.acr = 1, .auth_time = k_monday_noon - 6min}));
  EXPECT_EQ(stale.reason, Reason::auth_age_required);
  EXPECT_EQ(stale.acr_needed, std::nullopt);
  EXPECT_EQ(stale.age_needed, 300s);
  EXPECT_TRUE(ask(estate, subject({.acr = 2})).allow);
}

TEST(Verdicts, TheGreatestAgeThatWouldDoIsAsked) {
  const auto estate =
      rules({allow("a").signed_in().when(If().age(5min)), allow("b").signed_in().when(If().age(15min)),
             deny("d").unless(If().age(10min))});
  const Verdict stale = ask(estate, subject({.auth_time = k_monday_noon - 1h}));
  EXPECT_EQ(stale.reason, Reason::auth_age_required);
  EXPECT_EQ(stale.age_needed, 600s);
}

TEST(Verdicts, ALoginThatWouldNotHelpIsNotAsked) {
  const auto estate = rules({allow("a").any_of({"x"}).when(If().acr(2).age(5min))});
  EXPECT_EQ(why(estate, subject({})), Reason::no_rule);
  EXPECT_EQ(why(rules({allow("a").when(If().acr(2)), deny("d").signed_in()}), subject({})),
            Reason::denied_by_rule);
  EXPECT_EQ(why(rules({deny("d").unless(If().age(5min))}), subject({})), Reason::denied_by_rule);
  EXPECT_EQ(why(rules({deny("d").unless(If().age(5min))}), subject({.auth_time = k_monday_noon})),
            Reason::no_rule);
}

TEST(Verdicts, ADenyThatALoginLifts) {
  EXPECT_EQ(why(rules({allow("a"), deny("d").unless(If().age(5min))}), subject({})),
            Reason::auth_age_required);
  EXPECT_EQ(why(rules({allow("a"), deny("d").unless(If().acr(1))}), subject({})), Reason::acr_required);
}

TEST(Verdicts, AnonymousIsAskedToLogInWhenSomeoneMightBeAllowed) {
  EXPECT_EQ(why(rules({allow("a").any_of({"x"}).when(If().acr(2).age(1min))}), nobody()),
            Reason::login_required);
  EXPECT_EQ(why(rules({allow("a").all_of({"x", "y"}), deny("d").none_of({"z"})}), nobody()),
            Reason::login_required);
  EXPECT_EQ(why(rules({allow("a").signed_in().unless(If().acr(1))}), nobody()), Reason::login_required);
  EXPECT_EQ(why(rules({}), nobody()), Reason::no_rule);
  EXPECT_EQ(why(rules({allow("a").any_of({"x"}).none_of({"x"})}), nobody()), Reason::no_rule);
  EXPECT_EQ(why(rules({allow("a").signed_in(), deny("d")}), nobody()), Reason::denied_by_rule);
  EXPECT_EQ(why(rules({allow("a").any_of({"x"}), deny("d").any_of({"x"})}), nobody()), Reason::no_rule);
  EXPECT_EQ(why(rules({allow("a").any_of({"x"}), deny("d").any_of({"x"}), deny("e").anonymous()}), nobody()),
            Reason::denied_by_rule);
  // Only the hour or the place stand in the way: no login changes them.
  EXPECT_EQ(why(rules({allow("a").signed_in().when(If().weekly({window(2, 0, 60)}))}), nobody()),
            Reason::no_rule);
  Request request = get("/x");
  request.source.reset();
  EXPECT_EQ(why(rules({allow("a").signed_in().when(If().source({"10.0.0.0/8"}))}), nobody(), request),
            Reason::no_rule);
}

// More pigeons than holes: nobody can hold roles that no deny matches, which takes long to see.
std::vector<model::AccessRule> pigeons(unsigned count, unsigned holes) {
  const auto role = [](unsigned pigeon, unsigned hole) {
    return "p" + std::to_string(pigeon) + "h" + std::to_string(hole);
  };
  std::vector<model::AccessRule> access = {allow("a").signed_in()};
  for (unsigned i = 0; i < count; ++i) {
    Ids somewhere;
    for (unsigned hole = 0; hole < holes; ++hole) somewhere.push_back(role(i, hole));
    access.push_back(deny("d").none_of(somewhere));
    for (unsigned j = i + 1; j < count; ++j)
      for (unsigned hole = 0; hole < holes; ++hole)
        access.push_back(deny("e").all_of({role(i, hole), role(j, hole)}));
  }
  return access;
}

TEST(Verdicts, ContrivedRulesDoNotStallTheSearchForALogin) {
  EXPECT_EQ(why(rules(pigeons(3, 3)), nobody()), Reason::login_required);
  EXPECT_EQ(why(rules(pigeons(4, 3)), nobody()), Reason::denied_by_rule);
  EXPECT_EQ(why(rules(pigeons(12, 11)), nobody()),
            Reason::login_required);  // cut short; still lets nobody in
}

}  // namespace
}  // namespace durward::policy
