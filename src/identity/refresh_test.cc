// Proves: a refresh gives the claims the provider has now, of the same person only, and a rotated token is
// handed over before anything else; a logout token is verified as an ID token is.
#include <gtest/gtest.h>

#include "identity/provider.h"
#include "testing/fake_issuer.h"

namespace durward::identity {
namespace {

using namespace std::chrono_literals;
using testing::json;
using testing::TestKey;

class RefreshTest : public ::testing::Test {
 protected:
  RefreshTest() {
    answer_ = {{"access_token", "access"}, {"token_type", "Bearer"}};
    issuer_.claims.erase("nonce");
    serve();
  }
  // The token endpoint says what `answer_` says, with an ID token of the issuer's claims when there are any.
  void serve(int status = 200) {
    http_.on(testing::FakeIssuer::token_url, [this, status](const HttpRequest&) -> Result<HttpResponse> {
      json body = answer_;
      if (!issuer_.claims.empty())
        body["id_token"] = TestKey::rsa().sign(issuer_.header, issuer_.claims.dump());
      return HttpResponse{status, "application/json", body.dump()};
    });
  }
  Result<Identity> refresh() {
    const std::string original = TestKey::rsa().sign(issuer_.header, R"({"nonce":"n-1"})");
    return provider_.refresh({.refresh_token = Secret("r&1"),
                              .sub = "u-1",
                              .id_token = original,
                              .keep = [this](const Secret& next) { kept_.emplace_back(next.reveal()); }});
  }
  std::string outcome() {
    const auto identity = refresh();
    return identity ? "ok" : identity.error().code;
  }

  testing::FakeClock clock_;
  testing::FakeHttp http_;
  testing::FakeIssuer issuer_{http_, clock_};
  Provider provider_{{.settings = testing::provider_settings(),
                      .client_secret = Secret("s"),
                      .http = http_,
                      .clock = clock_}};
  json answer_;
  std::vector<std::string> kept_;
};

TEST_F(RefreshTest, GivesTheClaimsOfNow) {
  issuer_.claims["groups"] = {"other"};
  issuer_.claims["sid"] = "s-1";
  const auto identity = refresh();
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(json::parse(identity->claims).at("groups"), json({"other"}));
  EXPECT_EQ(identity->sid, "s-1");
  EXPECT_TRUE(identity->id_token.empty());
  EXPECT_TRUE(kept_.empty());
  const auto post = http_.requests().at(1);
  EXPECT_EQ(post.body, "grant_type=refresh_token&refresh_token=r%261");
  EXPECT_TRUE(post.headers.back().second.starts_with("Basic "));
}

TEST_F(RefreshTest, ARotatedTokenIsHandedOverFirstWhateverComesAfter) {
  answer_["refresh_token"] = "r-2";
  issuer_.claims["aud"] = "another";
  EXPECT_EQ(outcome(), "IDN033");
  EXPECT_EQ(kept_, std::vector<std::string>{"r-2"});
  for (const json& token : {json(""), json(7), json("a\nb"), json(std::string(17'000, 'x'))}) {
    answer_["refresh_token"] = token;
    EXPECT_EQ(outcome(), "IDN021") << token;
  }
  EXPECT_EQ(kept_.size(), 1U);
}

TEST_F(RefreshTest, OnlyInvalidGrantMeansThatItIsOver) {
  answer_ = {{"error", "invalid_grant"}, {"error_description", "who knows"}};
  serve(400);
  EXPECT_EQ(outcome(), "IDN022");
  serve(503);
  EXPECT_EQ(outcome(), "IDN020");
  for (const char* error : {"invalid_client", "temporarily_unavailable", "invalid_request", ""}) {
    answer_["error"] = error;
    serve(400);
    EXPECT_EQ(outcome(), "IDN020") << error;
  }
  http_.fails(testing::FakeIssuer::token_url);
  EXPECT_EQ(outcome(), "IDN002");
}

TEST_F(RefreshTest, AnotherPersonIsRefused) {
  issuer_.claims["sub"] = "u-2";
  EXPECT_EQ(outcome(), "IDN023");
  issuer_.claims = json::object();
  http_.on(testing::FakeIssuer::userinfo_url, R"({"sub":"u-2","groups":["admins"]})");
  EXPECT_EQ(outcome(), "IDN023");
}

TEST_F(RefreshTest, TheNewTokenIsJudgedLikeTheFirst) {
  for (const auto& [name, value] :
       {std::pair{"iss", json("https://evil.example")}, std::pair{"aud", json("another")},
        std::pair{"exp", json(issuer_.now() - 600)}, std::pair{"iat", json(issuer_.now() + 600)},
        std::pair{"nonce", json("another")}, std::pair{"nonce", json("")}}) {
    const json good = issuer_.claims;
    issuer_.claims[name] = value;
    EXPECT_EQ(outcome(), "IDN033") << name << value;
    issuer_.claims = good;
  }
  issuer_.claims["nonce"] = "n-1";  // the login's own
  EXPECT_EQ(outcome(), "ok");
}

TEST_F(RefreshTest, WithoutAnIdTokenUserInfoSaysIt) {
  issuer_.claims = json::object();
  http_.on(testing::FakeIssuer::userinfo_url,
           R"({"sub":"u-1","groups":["a"],"email":"a@example.com","email_verified":true,"acr":"urn:key"})");
  const auto identity = refresh();
  ASSERT_TRUE(identity) << identity.error().message;
  const json claims = json::parse(identity->claims);
  EXPECT_EQ(claims.at("groups"), json({"a"}));
  EXPECT_EQ(claims.at("email_verified"), true);
  EXPECT_EQ(claims.at("iss"), testing::issuer_url);
  EXPECT_FALSE(claims.contains("acr"));
  http_.fails(testing::FakeIssuer::userinfo_url);
  EXPECT_EQ(outcome(), "IDN021");  // nothing learnt is not "no groups"
  issuer_.metadata.erase("userinfo_endpoint");
  answer_.erase("access_token");
  EXPECT_EQ(outcome(), "IDN021");
}

TEST_F(RefreshTest, WhatTheIdTokenLacksComesFromUserInfoOrNotAtAll) {
  issuer_.claims.erase("groups");
  http_.on(testing::FakeIssuer::userinfo_url, R"({"sub":"u-1","groups":["a"]})");
  EXPECT_EQ(json::parse(refresh()->claims).at("groups"), json({"a"}));
  http_.fails(testing::FakeIssuer::userinfo_url);
  EXPECT_EQ(outcome(), "IDN021");
}

// ---- logout tokens -----------------------------------------------------------------------------------

json logout_claims(std::int64_t now) {
  return {{"iss", testing::issuer_url},
          {"aud", "durward"},
          {"iat", now},
          {"jti", "j"},
          {"sid", "s"},
          {"events", {{"http://schemas.openid.net/event/backchannel-logout", json::object()}}}};
}

TEST_F(RefreshTest, ALogoutTokenIsVerified) {
  const std::string payload = logout_claims(issuer_.now()).dump();
  const auto code = [&](const std::string& token) {
    const auto read = provider_.read_logout_token(token);
    return read ? std::string("ok") : read.error().code;
  };
  const auto with = [&](const json& header) { return TestKey::rsa().sign(header, payload); };
  EXPECT_EQ(code(with({{"alg", "RS256"}, {"kid", "k1"}, {"typ", "logout+jwt"}})), "ok");
  EXPECT_EQ(code(with({{"alg", "RS256"}, {"kid", "k1"}, {"typ", "JWT"}})), "ok");
  EXPECT_EQ(code(with({{"alg", "RS256"}, {"kid", "k1"}})), "ok");
  EXPECT_EQ(code(with({{"alg", "RS256"}, {"kid", "k1"}, {"typ", "at+jwt"}})), "IDN031");
  EXPECT_EQ(code(with({{"alg", "PS256"}, {"kid", "k1"}})), "IDN031");  // the key is pinned to RS256
  EXPECT_EQ(code(testing::unsigned_part({{"alg", "none"}}, payload) + "."), "IDN030");
  EXPECT_EQ(code(testing::hmac_token({{"alg", "HS256"}, {"kid", "k1"}}, payload, "")), "IDN031");
  EXPECT_EQ(code(TestKey::rsa("other").sign({{"alg", "RS256"}, {"kid", "k1"}}, payload)), "IDN032");
  EXPECT_EQ(code(std::string(20'000, 'x')), "IDN030");
  EXPECT_EQ(code(TestKey::rsa().sign(issuer_.header, issuer_.claims.dump())), "IDN035");  // an ID token
}

TEST_F(RefreshTest, ALogoutTokenIsNoIdToken) {
  json claims = logout_claims(issuer_.now());
  claims.update({{"sub", "u-1"}, {"exp", issuer_.now() + 60}});
  issuer_.claims = claims;
  issuer_.header["typ"] = "logout+jwt";
  EXPECT_EQ(outcome(), "IDN031");
}

}  // namespace
}  // namespace durward::identity
