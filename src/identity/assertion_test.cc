// Proves: upstreams can verify an assertion with the published keys alone, through a rotation too.
#include "identity/assertion.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/text.h"
#include "identity/jose.h"
#include "identity/json.h"

namespace durward::identity {
namespace {

using namespace std::chrono_literals;

const std::chrono::sys_seconds now{1'900'000'000s};

Assertion statement() {
  return {.issuer = "https://login.example",
          .audience = "https://pay.example",
          .sub = "u-1",
          .provider_issuer = "https://id.example",
          .email = "ann@example.com",
          .name = "",
          .roles = {"staff", "refunds"},
          .session = "login-id",
          .id = "",
          .issued = now,
          .expires = now + 300s};
}

// The payload, verified under the key that `kid` names.
Json open(const std::string& token, const std::string& keys) {
  const auto header = read_header(token);
  const auto set = read_key_set(keys);
  if (!header || !set) return {};
  for (const Jwk& key : set->keys) {
    if (key.id != header->key_id || !fits(key, *header, {})) continue;
    if (const auto payload = verify(token, *header, key)) return Json::parse(*payload);
  }
  return {};
}

TEST(Assertion, VerifiesUnderThePublishedKey) {
  const auto signer = AssertionSigner::generate(now);
  ASSERT_TRUE(signer);
  const auto token = signer->sign(statement());
  ASSERT_TRUE(token);
  EXPECT_EQ(open(*token, signer->public_keys()), Json({{"iss", "https://login.example"},
                                                       {"aud", "https://pay.example"},
                                                       {"sub", "u-1"},
                                                       {"idp", "https://id.example"},
                                                       {"email", "ann@example.com"},
                                                       {"roles", {"refunds", "staff"}},
                                                       {"sid", "login-id"},
                                                       {"iat", 1'900'000'000},
                                                       {"exp", 1'900'000'300}}));
  EXPECT_EQ(open(*token, AssertionSigner::generate(now)->public_keys()), Json());
  EXPECT_EQ(signer->public_keys().find("\"d\""), std::string::npos);
}

TEST(Assertion, KeyIdIsTheThumbprint) {
  const auto signer = AssertionSigner::generate(now);
  const Json key = Json::parse(signer->public_keys()).at("keys").at(0);
  const std::string canonical =
      "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":" + key.at("x").dump() + ",\"y\":" + key.at("y").dump() + "}";
  EXPECT_EQ(key.at("kid"), base64url(sha256(canonical)));
  EXPECT_EQ(key.at("kid"), signer->key_id());
  EXPECT_EQ(key.at("alg"), "ES256");
}

TEST(Assertion, RotationKeepsTheFormerKeyOnce) {
  const auto first = AssertionSigner::generate(now);
  const auto old_token = first->sign(statement());
  const auto second = first->rotated(now + 24h);
  ASSERT_TRUE(second);
  EXPECT_NE(second->key_id(), first->key_id());
  EXPECT_EQ(second->created(), now + 24h);
  EXPECT_FALSE(open(*old_token, second->public_keys()).is_null());
  EXPECT_FALSE(open(*second->sign(statement()), second->public_keys()).is_null());
  const auto third = second->rotated(now + 48h);
  EXPECT_TRUE(open(*old_token, third->public_keys()).is_null());
}

TEST(Assertion, SurvivesTheStore) {
  for (int i = 0; i < 300; ++i) {  // keys whose coordinates begin with zero bytes keep their length
    const auto made = AssertionSigner::generate(now);
    ASSERT_TRUE(made) << i << made.error().message;
    const auto loaded = AssertionSigner::load(made->serialise());
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_EQ(loaded->public_keys(), made->public_keys());
  }
  const auto two = AssertionSigner::generate(now)->rotated(now + 1h);
  const auto loaded = AssertionSigner::load(two->serialise());
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->public_keys(), two->public_keys());
  EXPECT_EQ(loaded->created(), now + 1h);
  EXPECT_FALSE(open(*loaded->sign(statement()), two->public_keys()).is_null());
}

TEST(Assertion, RefusesDamagedKeys) {
  const std::string good(AssertionSigner::generate(now)->serialise().reveal());
  const auto load = [](const std::string& text) { return AssertionSigner::load(Secret(text)).has_value(); };
  EXPECT_TRUE(load(good));
  Json newer = Json::parse(good);
  newer["v"] = 2;
  Json cut = Json::parse(good);
  cut["current"]["d"] = "AAAA";
  for (const std::string& text :
       {std::string(), std::string("{}"), newer.dump(), cut.dump(), std::string(R"({"v":1})")}) {
    EXPECT_FALSE(load(text)) << text.substr(0, 30);
  }
}

}  // namespace
}  // namespace durward::identity
