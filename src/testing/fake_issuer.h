// An OpenID provider in a test: real keys, any token one likes, served through FakeHttp.
#pragma once

#include <cjose/jws.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "identity/cjose_ptr.h"
#include "identity/provider.h"
#include "testing/fake_clock.h"
#include "testing/fake_http.h"

namespace durward::testing {

using nlohmann::json;

// A key pair, made once per name and program run.
class TestKey {
 public:
  static const TestKey& rsa(const std::string& name = "rsa") {
    return get(name, [] {
      const std::uint8_t e[] = {1, 0, 1};
      return cjose_jwk_create_RSA_random(2048, e, sizeof e, nullptr);
    });
  }
  static const TestKey& ec(cjose_jwk_ec_curve curve = CJOSE_JWK_EC_P_256) {
    return get("ec" + std::to_string(curve), [curve] { return cjose_jwk_create_EC_random(curve, nullptr); });
  }

  json public_jwk() const {
    const identity::CjoseText text(cjose_jwk_to_json(jwk_.get(), false, nullptr));
    return json::parse(text.get());
  }
  std::string sign(const json& header, const std::string& payload) const {
    const identity::HeaderPtr parsed(cjose_header_new(nullptr));
    for (const auto& [name, value] : header.items()) {  // strings only
      cjose_header_set(parsed.get(), name.c_str(), value.get<std::string>().c_str(), nullptr);
    }
    const identity::JwsPtr jws(cjose_jws_sign(jwk_.get(), parsed.get(),
                                              reinterpret_cast<const std::uint8_t*>(payload.data()),
                                              payload.size(), nullptr));
    const char* compact = nullptr;
    return jws && cjose_jws_export(jws.get(), &compact, nullptr) ? compact : "";
  }

 private:
  template <class Make>
  static const TestKey& get(const std::string& name, Make make) {
    static std::map<std::string, TestKey> keys;
    auto [entry, fresh] = keys.try_emplace(name);
    if (fresh) entry->second.jwk_.reset(make());
    return entry->second;
  }
  identity::JwkPtr jwk_;
};

inline std::string unsigned_part(const json& header, const std::string& payload) {
  return base64url(header.dump()) + "." + base64url(payload);
}
inline std::string hmac_token(const json& header, const std::string& payload, const std::string& key) {
  const std::string part = unsigned_part(header, payload);
  return part + "." + base64url(hmac_sha256(key, part));
}

inline constexpr const char* issuer_url = "https://id.example/realm";
inline constexpr const char* nonce_sent = "nonce-that-was-sent";
inline const std::string verifier(43, 'v');

inline model::IdentityProvider provider_settings() {
  model::IdentityProvider out;
  out.name.value = "corp";
  out.issuer.value = issuer_url;
  out.client_id.value = "durward";
  out.client_secret.value = "corp-client";
  out.scopes = {"openid", "email", "groups"};
  out.acr = {{"urn:pwd", 0}, {"urn:otp", 1}, {"urn:key", 2}};
  return out;
}

class FakeIssuer {
 public:
  FakeIssuer(FakeHttp& http, const FakeClock& clock) : http_(http), clock_(clock) {
    claims = {
        {"iss", issuer_url},     {"sub", "u-1"},        {"aud", "durward"},    {"exp", now() + 300},
        {"iat", now()},          {"nonce", nonce_sent}, {"groups", {"staff"}}, {"email", "ann@example.com"},
        {"email_verified", true}};
    metadata = {{"issuer", issuer_url},
                {"authorization_endpoint", "https://id.example/authorize"},
                {"token_endpoint", token_url},
                {"jwks_uri", keys_url},
                {"userinfo_endpoint", userinfo_url},
                {"end_session_endpoint", "https://id.example/logout"},
                {"id_token_signing_alg_values_supported", {"RS256", "ES256"}}};
    publish_key(TestKey::rsa(), "k1", "RS256");
    serve();
  }

  std::int64_t now() const { return clock_.now_seconds().time_since_epoch().count(); }
  void publish_key(const TestKey& key, const std::string& id, const std::string& algorithm) {
    json jwk = key.public_jwk();
    if (!id.empty()) jwk["kid"] = id;
    if (!algorithm.empty()) jwk["alg"] = algorithm;
    jwk["use"] = "sig";
    keys["keys"].push_back(jwk);
  }
  // Serves what the members say now.
  void serve() {
    http_.on(std::string(issuer_url) + "/.well-known/openid-configuration", metadata.dump());
    http_.on(keys_url, keys.dump());
    http_.on(token_url, [this](const identity::HttpRequest&) -> Result<identity::HttpResponse> {
      json answer{{"id_token", token.empty() ? TestKey::rsa().sign(header, claims.dump()) : token}};
      if (!access_token.empty()) answer.update({{"access_token", access_token}, {"token_type", "Bearer"}});
      return identity::HttpResponse{200, "application/json", answer.dump()};
    });
  }

  static constexpr const char* token_url = "https://id.example/token";
  static constexpr const char* keys_url = "https://id.example/keys";
  static constexpr const char* userinfo_url = "https://id.example/userinfo";
  json metadata;
  json keys{{"keys", json::array()}};
  json claims;
  json header{{"alg", "RS256"}, {"kid", "k1"}};
  std::string token;  // given as it is, in place of one made from header and claims
  std::string access_token = "access";

 private:
  FakeHttp& http_;
  const FakeClock& clock_;
};

inline identity::CodeExchange code_exchange() {
  return {.code = "code",
          .redirect_uri = "https://login.example/callback/corp",
          .code_verifier = verifier,
          .nonce = nonce_sent,
          .max_age = {},
          .response_issuer = {}};
}

}  // namespace durward::testing
