// Proves: a provider's answer becomes a proof only when every part of it holds, and costs a bounded amount of
// asking.
#include "identity/provider.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <thread>

#include "testing/fake_issuer.h"

namespace durward::identity {
namespace {

using namespace std::chrono_literals;
using testing::code_exchange;
using testing::json;
using testing::TestKey;

class ProviderTest : public ::testing::Test {
 protected:
  ProviderTest() { renew(); }
  void renew() { renew(testing::provider_settings()); }
  void renew(const model::IdentityProvider& settings) {
    provider_ = std::make_unique<Provider>(Provider::Options{
        .settings = settings, .client_secret = Secret("s:e c"), .http = http_, .clock = clock_});
  }
  std::string outcome(const CodeExchange& request = code_exchange()) {
    const auto identity = provider_->exchange(request);
    return identity ? "ok" : identity.error().code;
  }
  AuthorizationRequest authorization() {
    return {.redirect_uri = "https://login.example/callback/corp",
            .state = "st&te",
            .nonce = "n",
            .code_verifier = testing::verifier,
            .acr_values = {},
            .max_age = {},
            .prompt_login = false,
            .login_hint = ""};
  }

  testing::FakeClock clock_;
  testing::FakeHttp http_;
  testing::FakeIssuer issuer_{http_, clock_};
  std::unique_ptr<Provider> provider_;
};

TEST_F(ProviderTest, AuthorizationAlwaysHasPkceS256) {
  const auto url = provider_->authorization_url(authorization());
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(*url,
            "https://id.example/authorize?response_type=code&client_id=durward"
            "&redirect_uri=https%3A%2F%2Flogin.example%2Fcallback%2Fcorp&scope=openid%20email%20groups"
            "&state=st%26te&nonce=n&code_challenge=" +
                base64url(sha256(testing::verifier)) + "&code_challenge_method=S256");
}

TEST_F(ProviderTest, AuthorizationCarriesStepUp) {
  auto request = authorization();
  request.acr_values = provider_->acr_values_for(1);
  request.max_age = 0s;
  request.prompt_login = true;
  request.login_hint = "ann@example.com";
  const auto url = provider_->authorization_url(request);
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->ends_with(
      "&acr_values=urn%3Aotp%20urn%3Akey&max_age=0&prompt=login&login_hint=ann%40example.com"));
}

TEST_F(ProviderTest, AuthorizationRefusesAWeakVerifier) {
  for (const char* verifier : {"", "short", "has spaces and is long enough to be one, really!"}) {
    auto request = authorization();
    request.code_verifier = verifier;
    EXPECT_EQ(provider_->authorization_url(request).error().code, "IDN040");
  }
}

TEST_F(ProviderTest, ExchangeProvesAPerson) {
  const auto identity = provider_->exchange(code_exchange());
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->provider, "corp");
  EXPECT_EQ(identity->issuer, testing::issuer_url);
  EXPECT_EQ(identity->sub, "u-1");
  EXPECT_TRUE(identity->notes.empty());
  const auto post = http_.requests().at(1);
  EXPECT_EQ(post.method, "POST");
  EXPECT_EQ(
      post.body,
      "grant_type=authorization_code&code=code&redirect_uri=https%3A%2F%2Flogin.example%2Fcallback%2Fcorp"
      "&code_verifier=" +
          testing::verifier);
  EXPECT_EQ(post.headers.back().second, "Basic ZHVyd2FyZDpzJTNBZSUyMGM=");  // durward:s%3Ae%20c
}

TEST_F(ProviderTest, SecretGoesIntoTheBodyOnlyWhenBasicIsNotOffered) {
  issuer_.metadata["token_endpoint_auth_methods_supported"] = {"client_secret_post"};
  issuer_.serve();
  EXPECT_EQ(outcome(), "ok");
  const auto post = http_.requests().at(1);
  EXPECT_TRUE(post.body.ends_with("&client_id=durward&client_secret=s%3Ae%20c"));
  EXPECT_EQ(post.headers.size(), 2U);
  issuer_.metadata["token_endpoint_auth_methods_supported"] = {"private_key_jwt"};
  issuer_.serve();
  renew();
  EXPECT_EQ(outcome(), "IDN010");
}

TEST_F(ProviderTest, RefusesDiscoveryThatPointsElsewhere) {
  const auto with = [&](const char* name, const json& value) {
    const json kept = issuer_.metadata;
    issuer_.metadata[name] = value;
    issuer_.serve();
    renew();
    const std::string code = outcome();
    issuer_.metadata = kept;
    return code;
  };
  EXPECT_EQ(with("issuer", "https://id.example/realm/"), "IDN010");
  EXPECT_EQ(with("issuer", "https://evil.example"), "IDN010");
  EXPECT_EQ(with("token_endpoint", "http://id.example/token"), "IDN010");
  EXPECT_EQ(with("token_endpoint", "https://u:p@id.example/token"), "IDN010");
  EXPECT_EQ(with("token_endpoint", "https://id.example/token#x"), "IDN010");
  EXPECT_EQ(with("token_endpoint", "http://localhost/token"), "IDN010");
  EXPECT_EQ(with("jwks_uri", "file:///etc/passwd"), "IDN010");
  EXPECT_EQ(with("jwks_uri", "https://169.254.169.254/keys"), "IDN010");
  EXPECT_EQ(with("jwks_uri", "https://127.0.0.1/keys"), "IDN010");
  EXPECT_EQ(with("jwks_uri", 7), "IDN010");
  EXPECT_EQ(with("jwks_uri", nullptr), "IDN010");
  EXPECT_EQ(with("userinfo_endpoint", "gopher://id.example/"), "IDN010");
  EXPECT_EQ(with("response_types_supported", {"id_token"}), "IDN010");
  EXPECT_EQ(with("code_challenge_methods_supported", {"plain"}), "IDN010");
  EXPECT_EQ(with("code_challenge_methods_supported", {"plain", "S256"}), "ok");
}

TEST_F(ProviderTest, RefusesBrokenOrOversizedAnswers) {
  const std::string discovery = std::string(testing::issuer_url) + "/.well-known/openid-configuration";
  for (const std::string& body :
       {std::string("{"), std::string("[]"), std::string(R"({"issuer":"a","issuer":"b"})"),
        std::string(http_body_bytes_max + 1, ' ')}) {
    http_.on(discovery, body);
    renew();
    const std::string code = outcome();
    EXPECT_TRUE(code == "IDN010" || code == "IDN003") << code;
  }
  http_.on(discovery, "", 302);
  renew();
  EXPECT_EQ(outcome(), "IDN010");
  issuer_.serve();
  http_.on(testing::FakeIssuer::keys_url, std::string(http_body_bytes_max + 1, ' '));
  renew();
  EXPECT_EQ(outcome(), "IDN003");
}

TEST_F(ProviderTest, RefusesTokenAnswersThatAreWrong) {
  const auto with = [&](const std::string& body, int status = 200) {
    http_.on(testing::FakeIssuer::token_url, body, status);
    return outcome();
  };
  EXPECT_EQ(with(R"({"error":"invalid_grant"})", 400), "IDN020");
  EXPECT_EQ(with("{}"), "IDN021");
  EXPECT_EQ(with(R"({"id_token":7})"), "IDN021");
  EXPECT_EQ(with(R"({"id_token":"a.b.c","id_token":"d.e.f"})"), "IDN021");
  EXPECT_EQ(with(R"({"id_token":"a.b.c","access_token":"x","token_type":"mac"})"), "IDN021");
  EXPECT_EQ(with(json{{"id_token", std::string(70'000, 'a')}}.dump()), "IDN021");
  EXPECT_EQ(with(R"({"id_token":"abc"})"), "IDN030");
}

TEST_F(ProviderTest, ErrorTextsRepeatNothingButTheErrorWord) {
  http_.on(testing::FakeIssuer::token_url, R"({"error":"<script>","error_description":"canary"})", 400);
  const auto identity = provider_->exchange(code_exchange());
  EXPECT_EQ(identity.error().message, "the token endpoint refused with status 400: no reason given");
}

TEST_F(ProviderTest, TwoThousandGroupsFitAndMuchMoreIsRefused) {
  for (int i = 0; i < 2'000; ++i) issuer_.claims["groups"].push_back("group-" + std::to_string(i));
  const auto identity = provider_->exchange(code_exchange());
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(json::parse(identity->claims).at("groups").size(), 2'001U);
  for (int i = 0; i < 4'000; ++i) issuer_.claims["groups"].push_back("group-" + std::to_string(i));
  EXPECT_EQ(outcome(), "IDN021");
}

TEST_F(ProviderTest, AnOldNonceIsRefused) {
  auto request = code_exchange();
  request.nonce = "another";
  EXPECT_EQ(outcome(request), "IDN033");
}

TEST_F(ProviderTest, TheCallbackMustBeFromThisIssuer) {
  auto request = code_exchange();
  request.response_issuer = "https://evil.example";
  EXPECT_EQ(outcome(request), "IDN033");
  request.response_issuer = testing::issuer_url;
  EXPECT_EQ(outcome(request), "ok");
  issuer_.metadata["authorization_response_iss_parameter_supported"] = true;
  issuer_.serve();
  renew();
  EXPECT_EQ(outcome(request), "ok");
  EXPECT_EQ(outcome(), "IDN033");  // announced, and left out
}

TEST_F(ProviderTest, UnknownKeyIdsCauseOneFetchPerPause) {
  EXPECT_EQ(outcome(), "ok");
  EXPECT_EQ(http_.count(testing::FakeIssuer::keys_url), 1U);
  for (int i = 0; i < 1'000; ++i) {
    issuer_.header["kid"] = "random-" + std::to_string(i);
    EXPECT_EQ(outcome(), "IDN031");
  }
  EXPECT_EQ(http_.count(testing::FakeIssuer::keys_url), 1U);  // the first fetch was less than a pause ago
  clock_.advance(11s);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(outcome(), "IDN031");
  EXPECT_EQ(http_.count(testing::FakeIssuer::keys_url), 2U);
  issuer_.header["kid"] = "k1";
  EXPECT_EQ(outcome(), "ok");
}

TEST_F(ProviderTest, ARotatedKeyIsFoundAndAnOldSetSurvivesFailure) {
  EXPECT_EQ(outcome(), "ok");
  clock_.advance(11s);
  http_.fails(testing::FakeIssuer::keys_url);
  issuer_.header["kid"] = "k2";
  EXPECT_EQ(outcome(), "IDN031");
  issuer_.header["kid"] = "k1";
  EXPECT_EQ(outcome(), "ok");  // the failure kept the old keys
  clock_.advance(11s);
  issuer_.publish_key(TestKey::rsa(), "k2", "RS256");
  issuer_.serve();
  issuer_.header["kid"] = "k2";
  EXPECT_EQ(outcome(), "ok");
}

TEST_F(ProviderTest, OldDataLastsADayWithoutTheProvider) {
  EXPECT_EQ(outcome(), "ok");
  http_.fails(testing::FakeIssuer::keys_url);
  http_.fails(std::string(testing::issuer_url) + "/.well-known/openid-configuration");
  clock_.advance(23h);
  issuer_.claims.update({{"exp", issuer_.now() + 300}, {"iat", issuer_.now()}});
  EXPECT_EQ(outcome(), "ok");
  clock_.advance(2h);
  EXPECT_EQ(outcome(), "IDN002");
}

TEST_F(ProviderTest, AHungProviderHoldsUpNobodyWhoHasKeys) {
  EXPECT_EQ(outcome(), "ok");
  clock_.advance(2h);  // no longer fresh: the next call fetches
  issuer_.claims.update({{"exp", issuer_.now() + 300}, {"iat", issuer_.now()}});
  std::atomic<bool> inside = false, release = false;
  http_.on(testing::FakeIssuer::keys_url, [&](const HttpRequest&) -> Result<HttpResponse> {
    inside = true;
    while (!release) std::this_thread::sleep_for(1ms);
    return HttpResponse{200, "application/json", issuer_.keys.dump()};
  });
  std::string slow;
  std::thread first([&] { slow = outcome(); });
  while (!inside) std::this_thread::sleep_for(1ms);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(outcome(), "ok");  // with the old keys, while the fetch hangs
  release = true;
  first.join();
  EXPECT_EQ(slow, "ok");
  EXPECT_EQ(http_.count(testing::FakeIssuer::keys_url), 2U);
}

TEST_F(ProviderTest, ManyAtOnceCauseOneFetch) {
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  const std::string token = TestKey::rsa().sign(issuer_.header, issuer_.claims.dump());
  issuer_.token = token;
  for (int i = 0; i < 16; ++i) threads.emplace_back([&] { good += outcome() == "ok" ? 1 : 0; });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 16);
  EXPECT_EQ(http_.count(testing::FakeIssuer::keys_url), 1U);
}

TEST_F(ProviderTest, UserInfoFillsWhatIsMissing) {
  issuer_.claims.erase("groups");
  issuer_.claims.erase("email");
  issuer_.claims["email_verified"] = true;  // speaks of no address: not to be joined with another's
  http_.on(
      testing::FakeIssuer::userinfo_url,
      R"({"sub":"u-1","groups":["a"],"email":"x@example.com","email_verified":false,"acr":"urn:key","auth_time":9})");
  const auto identity = provider_->exchange(code_exchange());
  ASSERT_TRUE(identity) << identity.error().message;
  const json claims = json::parse(identity->claims);
  EXPECT_EQ(claims.at("groups"), json({"a"}));
  EXPECT_EQ(claims.at("email"), "x@example.com");
  EXPECT_EQ(claims.at("email_verified"), false);
  EXPECT_FALSE(claims.contains("acr"));
  EXPECT_FALSE(claims.contains("auth_time"));
  EXPECT_EQ(http_.requests().back().headers.back().second, "Bearer access");
}

TEST_F(ProviderTest, UserInfoCannotVerifyTheTokensAddress) {
  issuer_.claims.erase("groups");
  issuer_.claims.erase("email_verified");
  http_.on(testing::FakeIssuer::userinfo_url,
           R"({"sub":"u-1","email":"other@example.com","email_verified":true})");
  const auto identity = provider_->exchange(code_exchange());
  ASSERT_TRUE(identity);
  EXPECT_FALSE(json::parse(identity->claims).contains("email_verified"));
}

TEST_F(ProviderTest, UserInfoAboutAnotherIsRefusedAndAFailureIsToldOnly) {
  issuer_.claims.erase("groups");
  http_.on(testing::FakeIssuer::userinfo_url, R"({"sub":"u-2","groups":["admins"]})");
  EXPECT_EQ(outcome(), "IDN034");
  http_.fails(testing::FakeIssuer::userinfo_url);
  const auto identity = provider_->exchange(code_exchange());
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->notes.size(), 1U);
  EXPECT_FALSE(json::parse(identity->claims).contains("groups"));
}

TEST_F(ProviderTest, LogoutUrl) {
  const auto url = provider_->logout_url(
      {.id_token = "a.b.c", .post_logout_redirect_uri = "https://login.example/signed-out", .state = "s"});
  ASSERT_TRUE(url);
  EXPECT_EQ(url->value_or(""),
            "https://id.example/logout?id_token_hint=a.b.c&client_id=durward"
            "&post_logout_redirect_uri=https%3A%2F%2Flogin.example%2Fsigned-out&state=s");
  issuer_.metadata.erase("end_session_endpoint");
  issuer_.serve();
  renew();
  EXPECT_FALSE(provider_->logout_url({.id_token = "", .post_logout_redirect_uri = "", .state = ""}).value());
}

}  // namespace
}  // namespace durward::identity
