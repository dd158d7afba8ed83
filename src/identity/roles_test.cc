// Proves: roles follow the model in three values; what a provider omits, hides, leaves unverified or may not
// say never helps.
#include "identity/roles.h"

#include <gtest/gtest.h>

#include "identity/json.h"

namespace durward::identity {
namespace {

using model::MemberLiteral;

class RolesTest : public ::testing::Test {
 protected:
  RolesTest() {
    provider_.issuer.value = "https://id.example";
    provider_.acr = {{"urn:pwd", 0}, {"urn:otp", 1}};
    member("staff", MemberLiteral::Kind::group, "", "staff");
    member("refunds", MemberLiteral::Kind::claim, "dept", "refunds");
    member("ann", MemberLiteral::Kind::person, "", "ann@example.com");
    member("any", MemberLiteral::Kind::group, "", "staff");
    member("any", MemberLiteral::Kind::person, "", "ann@example.com");
    claims_ = {{"iss", "https://id.example"},  {"sub", "u-1"},
               {"groups", {"staff", "other"}}, {"dept", "refunds"},
               {"email", "Ann@Example.com"},   {"email_verified", true}};
  }
  void member(const std::string& role, MemberLiteral::Kind kind, const std::string& claim,
              const std::string& value) {
    model_.roles[role].name.value = role;
    model_.roles[role].members.push_back(
        {.kind = kind, .claim = claim, .value = {.value = value, .span = {}}});
  }
  void exclude(const std::string& role, const std::string& other) {
    model_.roles[role].excludes.push_back({.value = other, .span = {}});
  }
  // "staff any? …": held roles, then the unknown ones with a question mark.
  std::string roles(const Json& more = Json::object()) {
    Json claims = claims_;
    claims.merge_patch(more);
    const auto evaluated = evaluate(claims.dump(), provider_, model_);
    if (!evaluated) return evaluated.error().code;
    last_ = *evaluated;
    std::string out;
    for (const auto& role : last_.subject.roles) out += (out.empty() ? "" : " ") + role;
    for (const auto& role : last_.subject.unknown_roles) out += (out.empty() ? "" : " ") + role + "?";
    return out;
  }

  model::IdentityProvider provider_;
  model::Model model_;
  Json claims_;
  Evaluated last_;
};

TEST_F(RolesTest, EachLiteral) {
  EXPECT_EQ(roles(), "ann any refunds staff");
  EXPECT_EQ(last_.subject.email, "ann@example.com");
  EXPECT_TRUE(last_.subject.signed_in);
  EXPECT_TRUE(last_.notes.empty());
  EXPECT_EQ(roles({{"groups", {"other"}}, {"dept", "x"}, {"email", "bob@example.com"}}), "");
  EXPECT_EQ(roles({{"groups", Json::array()}, {"dept", Json::array()}}), "ann any");  // known empty
}

TEST_F(RolesTest, ShapesOfClaims) {
  EXPECT_EQ(roles({{"groups", "staff"}}), "ann any refunds staff");
  EXPECT_EQ(roles({{"dept", {"x", "refunds"}}}), "ann any refunds staff");
  EXPECT_EQ(roles({{"groups", {"staff", 7}}}), "ann any refunds staff?");
  EXPECT_EQ(roles({{"groups", {{"staff", true}}}}), "ann any refunds staff?");
  EXPECT_EQ(roles({{"groups", true}}), "ann any refunds staff?");
  EXPECT_EQ(roles({{"groups", {std::string(257, 'g'), "staff"}}}), "ann any refunds staff?");
  EXPECT_EQ(roles({{"dept", 7}}), "ann any staff refunds?");
  member("flag", MemberLiteral::Kind::claim, "contractor", "true");
  EXPECT_EQ(roles({{"contractor", true}}), "ann any flag refunds staff");
  EXPECT_EQ(roles({{"contractor", false}}), "ann any refunds staff");
}

TEST_F(RolesTest, WhatIsMissingIsUnknown) {
  EXPECT_EQ(roles({{"groups", nullptr}}), "ann any refunds staff?");
  EXPECT_EQ(roles({{"groups", nullptr}, {"email", nullptr}}), "refunds ann? any? staff?");
  EXPECT_EQ(roles({{"dept", nullptr}}), "ann any staff refunds?");
}

TEST_F(RolesTest, OverageIsUnknownEvenBesideAPartialList) {
  EXPECT_EQ(roles({{"groups", nullptr}, {"_claim_names", {{"groups", "src1"}}}}), "ann any refunds staff?");
  EXPECT_EQ(roles({{"_claim_names", {{"groups", "src1"}}}}), "ann any refunds staff?");
  ASSERT_EQ(last_.notes.size(), 1U);
  EXPECT_NE(last_.notes[0].find("overage"), std::string::npos);
  EXPECT_EQ(roles({{"_claim_names", {{"other", "src1"}}}}), "ann any refunds staff");
  EXPECT_EQ(roles({{"_claim_names", "groups"}}), "ann? any? refunds? staff?");
  EXPECT_EQ(roles({{"_claim_names", {{"email", "src1"}}}}), "any refunds staff ann?");
}

TEST_F(RolesTest, ManyGroups) {
  Json many = Json::array();
  for (int i = 0; i < 2'000; ++i) many.push_back("group-" + std::to_string(i));
  many.push_back("staff");
  EXPECT_EQ(roles({{"groups", many}}), "ann any refunds staff");
  for (int i = 0; i < 3'001; ++i) many.push_back("more-" + std::to_string(i));
  EXPECT_EQ(roles({{"groups", many}}), "ann any refunds staff?");  // the bound
}

TEST_F(RolesTest, OnlyAVerifiedAddressCounts) {
  for (const Json& verified : {Json(nullptr), Json(false), Json("true"), Json(1), Json{true}}) {
    EXPECT_EQ(roles({{"email_verified", verified}}), "any refunds staff ann?") << verified;
    EXPECT_FALSE(last_.subject.email);
    EXPECT_EQ(last_.notes.size(), 1U);
  }
}

TEST_F(RolesTest, StrangeAddresses) {
  for (const char* email :
       {"", "ann", "@example.com", "ann@", "ann@example.com@evil.example", "ann@example.com ",
        "<ann@example.com>", "ann@example.com\n", "\xc3\xa4nn@example.com", "a,ann@example.com"}) {
    EXPECT_EQ(roles({{"email", email}}), "any refunds staff ann?") << email;
    EXPECT_FALSE(last_.subject.email);
  }
  EXPECT_EQ(roles({{"email", {"ann@example.com"}}}), "any refunds staff ann?");
}

TEST_F(RolesTest, OnlyAllowedDomainsCount) {
  provider_.email_domains.push_back({.value = "example.com", .span = {}});
  EXPECT_EQ(roles(), "ann any refunds staff");
  for (const char* email :
       {"ann@evil-example.com", "ann@sub.example.com", "ann@example.com.evil", "ann@example.co"}) {
    EXPECT_EQ(roles({{"email", email}}), "any refunds staff ann?") << email;
  }
}

TEST_F(RolesTest, ARenamedPersonIsNobodyElse) {
  EXPECT_EQ(roles({{"email", "bob@example.com"},
                   {"preferred_username", "ann@example.com"},
                   {"name", "ann@example.com"}}),
            "any refunds staff");
  EXPECT_EQ(last_.subject.sub, "u-1");
  for (const Json& name : {Json("refunds "), Json("%72efunds"), Json(".."), Json("%2e"), Json(""),
                           Json("REFUNDS"), Json(std::string(65, 'r')), Json("ｒefunds")}) {
    EXPECT_EQ(roles({{"dept", name}}), "ann any staff") << name;
  }
}

TEST_F(RolesTest, MayAssertCutsRolesOff) {
  provider_.may_assert_roles = {{.value = "st*", .span = {}}, {.value = "ann", .span = {}}};
  EXPECT_EQ(roles(), "ann staff");
  EXPECT_EQ(roles({{"groups", nullptr}, {"dept", nullptr}}), "ann staff?");
}

TEST_F(RolesTest, ExcludingRolesAreBothLost) {
  exclude("staff", "refunds");
  EXPECT_EQ(roles(), "ann any");
  ASSERT_EQ(last_.notes.size(), 1U);
  EXPECT_EQ(last_.notes[0], "roles refunds and staff exclude each other: neither is held");
  EXPECT_EQ(roles({{"dept", "x"}}), "ann any staff");
  EXPECT_EQ(roles({{"dept", nullptr}}), "ann any refunds? staff?");  // perhaps both
  EXPECT_EQ(roles({{"dept", nullptr}, {"groups", nullptr}}), "ann any refunds? staff?");
  exclude("refunds", "staff");
  EXPECT_EQ(roles(), "ann any");
  EXPECT_EQ(last_.notes.size(), 1U);  // told once
}

TEST_F(RolesTest, ExclusionDoesNotChain) {
  exclude("ann", "any");
  exclude("any", "staff");
  EXPECT_EQ(roles(), "refunds");  // judged on what was held before any was taken away: order does not matter
}

TEST_F(RolesTest, AcrAndAuthTime) {
  roles({{"acr", "urn:otp"}, {"auth_time", 1'700'000'000}});
  EXPECT_EQ(last_.subject.acr, 1);
  EXPECT_EQ(last_.subject.auth_time->time_since_epoch().count(), 1'700'000'000);
  roles({{"acr", "urn:unlisted"}, {"iat", 1'700'000'000}});
  EXPECT_EQ(last_.subject.acr, -1);
  EXPECT_FALSE(last_.subject.auth_time);
  roles();
  EXPECT_EQ(last_.subject.acr, -1);
}

TEST_F(RolesTest, RefusesClaimsOfAnother) {
  EXPECT_EQ(roles({{"iss", "https://evil.example"}}), "IDN033");
  EXPECT_EQ(roles({{"iss", nullptr}}), "IDN033");
  EXPECT_EQ(roles({{"sub", nullptr}}), "IDN033");
}

TEST_F(RolesTest, TheNameIsForDisplayOnlyAndBounded) {
  roles({{"name", "A\nB\u0007" + std::string(200, 'x')}});
  EXPECT_EQ(last_.subject.name.size(), 128U);
  EXPECT_TRUE(last_.subject.name.starts_with("ABx"));
  roles({{"name", std::string(127, 'x') + "ä"}});
  EXPECT_EQ(last_.subject.name, std::string(127, 'x'));
}

TEST_F(RolesTest, KeptClaimsGiveTheSameSubject) {
  claims_["secret_thing"] = "x";
  claims_["acr"] = "urn:otp";
  const auto kept = restrict_claims(claims_.dump(), provider_, model_);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->find("secret_thing"), std::string::npos);
  const std::string all = roles();
  const auto again = evaluate(*kept, provider_, model_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->subject.roles, last_.subject.roles);
  EXPECT_EQ(again->subject.acr, 1);
  // A claim that only a later model reads was not kept: unknown, not absent.
  member("late", MemberLiteral::Kind::claim, "secret_thing", "y");
  EXPECT_EQ(evaluate(*kept, provider_, model_)->subject.unknown_roles, std::set<std::string>{"late"});
}

TEST_F(RolesTest, KeptClaimsAreBoundedAndWhatIsCutIsUnknown) {
  claims_["groups"] = std::string(kept_claims_bytes_max, 'g');
  claims_["_claim_names"] = {{"dept", "src"}};
  const auto kept = restrict_claims(claims_.dump(), provider_, model_);
  ASSERT_TRUE(kept);
  EXPECT_LT(kept->size(), 10'000U);
  const auto again = evaluate(*kept, provider_, model_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->subject.roles, (std::set<std::string>{"ann", "any"}));
  EXPECT_EQ(again->subject.unknown_roles, (std::set<std::string>{"refunds", "staff"}));
}

}  // namespace
}  // namespace durward::identity
