// Proves: a token is believed only under a published key, by the algorithm pinned to it; nothing in the token
// chooses.
#include "identity/jose.h"

#include <gtest/gtest.h>

#include "identity/json.h"
#include "testing/fake_issuer.h"

namespace durward::identity {
namespace {

using testing::hmac_token;
using testing::json;
using testing::TestKey;
using testing::unsigned_part;

const std::string payload = R"({"sub":"u"})";
const std::set<std::string> announced{"RS256", "PS256", "ES256", "ES384", "ES512"};

json published(const TestKey& key, const json& more = json::object()) {
  json jwk = key.public_jwk();
  jwk.update(more);
  return jwk;
}
KeySet set_of(const json& key) {
  return read_key_set(json{{"keys", {key}}}.dump()).value_or(KeySet{});
}
// The code of the refusal, "unfit" when the key is not for it, or the payload.
std::string judge(const std::string& token, const KeySet& set) {
  const auto header = read_header(token);
  if (!header) return header.error().code;
  for (const Jwk& key : set.keys) {
    if (!fits(key, *header, announced)) continue;
    const auto verified = verify(token, *header, key);
    return verified ? *verified : verified.error().code;
  }
  return "unfit";
}

TEST(Jose, BelievesEveryAllowedAlgorithm) {
  for (const char* alg : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}) {
    const auto set = set_of(published(TestKey::rsa(), {{"alg", alg}, {"use", "sig"}}));
    EXPECT_EQ(judge(TestKey::rsa().sign({{"alg", alg}, {"typ", "JWT"}}, payload), set), payload) << alg;
  }
  for (const auto& [alg, curve] :
       {std::pair{"ES256", CJOSE_JWK_EC_P_256}, std::pair{"ES384", CJOSE_JWK_EC_P_384},
        std::pair{"ES512", CJOSE_JWK_EC_P_521}}) {
    const TestKey& key = TestKey::ec(curve);
    EXPECT_EQ(judge(key.sign({{"alg", alg}}, payload), set_of(published(key))), payload) << alg;
  }
}

TEST(Jose, RefusesUnsignedTokens) {
  const auto set = set_of(published(TestKey::rsa()));
  for (const char* alg :
       {"none", "nOnE", "NONE", "None", "", " none", "RS256 ", "rs256", "EdDSA", "HS256", "HS512"}) {
    const std::string part = unsigned_part({{"alg", alg}}, payload);
    EXPECT_EQ(judge(part + ".", set), "IDN030") << alg;
    EXPECT_EQ(judge(part, set), "IDN030") << alg;
    EXPECT_EQ(judge(part + ".AAAA", set), "IDN031") << alg;
  }
  EXPECT_EQ(judge(unsigned_part({{"typ", "JWT"}}, payload) + ".AAAA", set), "IDN031");
  EXPECT_EQ(judge(unsigned_part({{"alg", nullptr}}, payload) + ".AAAA", set), "IDN031");
  EXPECT_EQ(judge(unsigned_part({{"alg", {"RS256"}}}, payload) + ".AAAA", set), "IDN031");
  EXPECT_EQ(judge(unsigned_part({{"alg", "RS256"}}, payload) + ".AAAA", set), "IDN032");
}

std::string pem_of(const TestKey& key) {
  const json jwk = key.public_jwk();  // any bytes both sides can know will do as the confused secret
  return "-----BEGIN PUBLIC KEY-----\n" + jwk.at("n").get<std::string>() + "\n-----END PUBLIC KEY-----\n";
}

TEST(Jose, RefusesAlgorithmConfusion) {
  const auto rsa = set_of(published(TestKey::rsa()));  // no alg, no use
  for (const std::string& secret :
       {std::string(), pem_of(TestKey::rsa()), TestKey::rsa().public_jwk().dump()}) {
    EXPECT_EQ(judge(hmac_token({{"alg", "HS256"}}, payload, secret), rsa), "IDN031");
    EXPECT_EQ(judge(hmac_token({{"alg", "RS256"}}, payload, secret), rsa), "IDN032");
  }
  const auto ec = set_of(published(TestKey::ec()));
  EXPECT_EQ(judge(TestKey::rsa().sign({{"alg", "RS256"}}, payload), ec), "unfit");
  EXPECT_EQ(judge(TestKey::ec().sign({{"alg", "ES256"}}, payload), rsa), "unfit");
  const auto p384 = set_of(published(TestKey::ec(CJOSE_JWK_EC_P_384)));
  EXPECT_EQ(judge(TestKey::ec().sign({{"alg", "ES256"}}, payload), p384), "unfit");
  const auto pinned = set_of(published(TestKey::rsa(), {{"alg", "RS512"}}));
  EXPECT_EQ(judge(TestKey::rsa().sign({{"alg", "RS256"}}, payload), pinned), "unfit");
  EXPECT_EQ(judge(TestKey::rsa().sign({{"alg", "RS384"}}, payload), rsa), "unfit");  // not announced
}

TEST(Jose, RefusesKeysThatTheTokenBrings) {
  const auto set = set_of(published(TestKey::rsa(), {{"kid", "k1"}}));
  const std::map<std::string, json> brought{{"jku", "https://evil.example/keys"},
                                            {"jwk", TestKey::rsa("evil").public_jwk()},
                                            {"x5u", "https://evil.example/c"},
                                            {"crit", {"exp"}},
                                            {"b64", false}};
  for (const auto& [name, value] : brought) {
    const json header{{"alg", "RS256"}, {"kid", "k1"}, {name, value}};
    EXPECT_EQ(judge(unsigned_part(header, payload) + "." + base64url(std::string(256, 's')), set), "IDN031")
        << name;
  }
}

TEST(Jose, RefusesStrangeKeyIds) {
  for (const json& kid : {json(""), json(7), json(nullptr), json(std::string(257, 'k')), json("a\nb"),
                          json(std::string("a\0b", 3))}) {
    EXPECT_EQ(read_header(unsigned_part({{"alg", "RS256"}, {"kid", kid}}, payload) + ".AAAA").error().code,
              "IDN031");
  }
  const std::string huge =
      unsigned_part({{"alg", "RS256"}, {"kid", std::string(1 << 20, 'k')}}, payload) + ".AAAA";
  EXPECT_EQ(read_header(huge).error().code, "IDN030");
  const std::string path = TestKey::rsa().sign({{"alg", "RS256"}, {"kid", "../../dev/null"}}, payload);
  EXPECT_EQ(read_header(path)->key_id, "../../dev/null");  // compared, never opened
}

TEST(Jose, RefusesTokensOfAnotherType) {
  const auto set = set_of(published(TestKey::rsa()));
  for (const char* typ : {"at+jwt", "logout+jwt", ""}) {
    EXPECT_EQ(judge(TestKey::rsa().sign({{"alg", "RS256"}, {"typ", typ}}, payload), set), "IDN031") << typ;
  }
}

TEST(Jose, RefusesMalformedTokens) {
  const std::string good = TestKey::rsa().sign({{"alg", "RS256"}}, payload);
  const auto set = set_of(published(TestKey::rsa()));
  EXPECT_EQ(judge(good, set), payload);
  const std::string twice = base64url(R"({"alg":"none","alg":"RS256"})") + good.substr(good.find('.'));
  for (const std::string& token : {std::string(), std::string("."), std::string(".."), std::string("..."),
                                   good + ".x", "." + good, good + "=", " " + good, twice}) {
    EXPECT_EQ(judge(token, set), "IDN030") << token.substr(0, 20);
  }
  std::string flipped = good;
  flipped[good.find('.') + 3] = flipped[good.find('.') + 3] == 'A' ? 'B' : 'A';
  EXPECT_EQ(judge(flipped, set), "IDN032");
}

TEST(Jose, KeySetHoldsOnlyWhatCanVerify) {
  const json rsa = TestKey::rsa().public_jwk();
  const json ec = TestKey::ec().public_jwk();
  const auto usable = [](json key, const json& more) {
    key.update(more);
    return !set_of(key).keys.empty();
  };
  EXPECT_TRUE(usable(rsa, json::object()));
  EXPECT_FALSE(usable(rsa, {{"use", "enc"}}));
  EXPECT_FALSE(usable(rsa, {{"use", 7}}));
  EXPECT_FALSE(usable(rsa, {{"alg", "HS256"}}));
  EXPECT_FALSE(usable(rsa, {{"alg", "ES256"}}));
  EXPECT_FALSE(usable(rsa, {{"alg", "RSA-OAEP"}}));
  EXPECT_FALSE(usable(rsa, {{"key_ops", {"encrypt"}}}));
  EXPECT_TRUE(usable(rsa, {{"key_ops", {"verify"}}}));
  EXPECT_FALSE(usable(rsa, {{"kid", ""}}));
  EXPECT_FALSE(usable(rsa, {{"kid", std::string(300, 'k')}}));
  EXPECT_FALSE(usable(rsa, {{"n", ""}}));
  EXPECT_FALSE(usable(rsa, {{"n", base64url(std::string(128, '\x7f'))}}));    // 1024 bits
  EXPECT_FALSE(usable(rsa, {{"n", base64url(std::string(2'048, '\x7f'))}}));  // 16384 bits
  EXPECT_FALSE(usable(rsa, {{"e", "AQ"}}));                                   // 1: every signature fits
  EXPECT_FALSE(usable(rsa, {{"e", "AA"}}));
  EXPECT_FALSE(usable(rsa, {{"kty", "oct"}, {"k", "AAAA"}}));
  EXPECT_FALSE(usable(ec, {{"crv", "secp256k1"}}));
  EXPECT_FALSE(usable(ec, {{"crv", "P-384"}}));
  EXPECT_FALSE(usable(json{{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", base64url(std::string(32, 'x'))}},
                      json::object()));
}

TEST(Jose, KeySetIsBounded) {
  json many{{"keys", json::array()}};
  for (int i = 0; i < 65; ++i) many["keys"].push_back(TestKey::ec().public_jwk());
  EXPECT_EQ(read_key_set(many.dump()).error().code, "IDN012");
  EXPECT_EQ(read_key_set("{}").error().code, "IDN012");
  EXPECT_EQ(read_key_set(R"({"keys":[]})").error().code, "IDN012");
  EXPECT_EQ(read_key_set(R"({"keys":[],"keys":[]})").error().code, "IDN012");
}

TEST(Jose, APointOffTheCurveIsNoKey) {
  json bad = TestKey::ec().public_jwk();
  bad["y"] = base64url(std::string(32, '\x01'));
  EXPECT_EQ(judge(TestKey::ec().sign({{"alg", "ES256"}}, payload), set_of(bad)), "IDN032");
}

TEST(StrictJson, RefusesWhatParsersReadDifferently) {
  const auto code = [](const std::string& text) {
    const auto parsed = parse_object(text, "X", "it");
    return parsed ? std::string("ok") : parsed.error().message;
  };
  EXPECT_EQ(code(R"({"a":1})"), "ok");
  EXPECT_EQ(code(R"({"a":1,"a":2})"), "it has a member twice");
  EXPECT_EQ(code(R"({"x":[{"a":1,"\u0061":2}]})"), "it has a member twice");
  EXPECT_EQ(code(R"({"a":{"b":1},"b":2})"), "ok");
  EXPECT_EQ(code(R"({"a":1}x)"), "it is not JSON");
  EXPECT_EQ(code("{\"a\":\"\xff\"}"), "it is not JSON");
  EXPECT_EQ(code(R"({"a":1e999})"), "it is not JSON");
  EXPECT_EQ(code("[]"), "it is not a JSON object");
  EXPECT_EQ(code(R"({"a":)" + std::string(100, '[') + std::string(100, ']') + "}"),
            "it is nested too deeply");
  EXPECT_EQ(code(std::string(500'000, '[')), "it is nested too deeply");
}

}  // namespace
}  // namespace durward::identity
