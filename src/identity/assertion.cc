#include "identity/assertion.h"

#include <openssl/err.h>

#include "base/hash.h"
#include "base/text.h"
#include "identity/cjose_ptr.h"
#include "identity/json.h"

namespace durward::identity {
namespace {

constexpr int key_version = 1;

// RFC 7638: the required members, in lexical order, without white space.
std::string thumbprint(const Json& jwk) {
  return base64url(sha256(R"({"crv":"P-256","kty":"EC","x":")" + jwk.at("x").get<std::string>() +
                          R"(","y":")" + jwk.at("y").get<std::string>() + R"("})"));
}

std::string public_form(const Json& jwk, const std::string& id) {
  return dump({{"kty", "EC"},
               {"crv", "P-256"},
               {"x", jwk.at("x")},
               {"y", jwk.at("y")},
               {"kid", id},
               {"use", "sig"},
               {"alg", "ES256"}});
}

// A P-256 key pair in JSON with its four members, or nothing.
std::optional<Json> private_form(const Json& from) {
  Json out{{"kty", "EC"}, {"crv", "P-256"}};
  if (!from.is_object() || string_member(from, "crv") != "P-256") return std::nullopt;
  for (const char* name : {"x", "y", "d"}) {
    auto text = string_member(from, name);
    if (!text || base64url_decode(*text).value_or("").size() != 32) return std::nullopt;
    out[name] = std::move(*text);
  }
  return out;
}

HeaderPtr make_header(const std::string& key_id, cjose_err& error) {
  HeaderPtr header(cjose_header_new(&error));
  const bool set = header && cjose_header_set(header.get(), CJOSE_HDR_ALG, CJOSE_HDR_ALG_ES256, &error) &&
                   cjose_header_set(header.get(), CJOSE_HDR_KID, key_id.c_str(), &error) &&
                   cjose_header_set(header.get(), "typ", "JWT", &error);
  return set ? std::move(header) : nullptr;
}

Json payload_of(const Assertion& assertion) {
  Json out{{"iss", assertion.issuer},
           {"aud", assertion.audience},
           {"sub", assertion.sub},
           {"idp", assertion.provider_issuer},
           {"roles", assertion.roles},
           {"sid", assertion.session},
           {"iat", assertion.issued.time_since_epoch().count()},
           {"exp", assertion.expires.time_since_epoch().count()}};
  if (assertion.email) out["email"] = *assertion.email;
  if (!assertion.name.empty()) out["name"] = assertion.name;
  if (!assertion.id.empty()) out["jti"] = assertion.id;
  return out;
}

}  // namespace

AssertionSigner::AssertionSigner(Key current, std::optional<Key> previous)
    : current_(std::move(current)), previous_(std::move(previous)) {}

AssertionSigner::Key AssertionSigner::Key::clone() const {
  return {id, created, jwk.clone(), public_jwk};
}

Result<AssertionSigner::Key> AssertionSigner::make_key(const std::string& jwk,
                                                       std::chrono::sys_seconds created) {
  const auto read = parse_object(jwk, "IDN051", "the assertion key");
  const auto form = read ? private_form(*read) : std::nullopt;
  if (!form) return fail("IDN051", "the assertion key is not a P-256 key pair");
  const std::string id = thumbprint(*form);
  return Key{id, created, Secret(dump(*form)), public_form(*form, id)};
}

Result<AssertionSigner::Key> AssertionSigner::new_key(std::chrono::sys_seconds now) {
  cjose_err error{};
  const JwkPtr jwk(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error));
  const CjoseText text(jwk ? cjose_jwk_to_json(jwk.get(), true, &error) : nullptr);
  if (!text) return fail("IDN050", "no key for assertions could be made");
  const Secret wiped{std::string(text.get())};
  return make_key(std::string(wiped.reveal()), now);
}

Result<AssertionSigner> AssertionSigner::generate(std::chrono::sys_seconds now) {
  auto key = new_key(now);
  if (!key) return tl::unexpected(key.error());
  return AssertionSigner(std::move(*key), std::nullopt);
}

Result<AssertionSigner> AssertionSigner::load(const Secret& serialised) {
  const auto stored = parse_object(serialised.reveal(), "IDN051", "the assertion keys");
  if (!stored) return tl::unexpected(stored.error());
  if (stored->value("v", Json()) != key_version) {
    return fail("IDN051", "the assertion keys are of another version of this program");
  }
  std::optional<Key> keys[2];
  for (int i = 0; i < 2; ++i) {
    const auto found = stored->find(i == 0 ? "current" : "previous");
    if (found == stored->end() && i == 1) break;
    const auto created = found == stored->end() || !found->is_object()
                             ? std::nullopt
                             : numeric_date(found->value("created", Json()));
    if (!created) return fail("IDN051", "the assertion keys are damaged");
    auto key = make_key(dump(*found), *created);
    if (!key) return tl::unexpected(key.error());
    keys[i] = std::move(*key);
  }
  return AssertionSigner(std::move(*keys[0]), std::move(keys[1]));
}

Result<AssertionSigner> AssertionSigner::rotated(std::chrono::sys_seconds now) const {
  auto key = new_key(now);
  if (!key) return tl::unexpected(key.error());
  return AssertionSigner(std::move(*key), current_.clone());
}

Secret AssertionSigner::serialise() const {
  const auto form = [](const Key& key) {
    Json out = Json::parse(key.jwk.reveal());
    out["created"] = key.created.time_since_epoch().count();
    return out;
  };
  Json out{{"v", key_version}, {"current", form(current_)}};
  if (previous_) out["previous"] = form(*previous_);
  return Secret(dump(out));
}

std::string AssertionSigner::public_keys() const {
  return R"({"keys":[)" + current_.public_jwk + (previous_ ? "," + previous_->public_jwk : "") + "]}";
}

const std::string& AssertionSigner::key_id() const {
  return current_.id;
}
std::chrono::sys_seconds AssertionSigner::created() const {
  return current_.created;
}

Result<std::string> AssertionSigner::sign(const Assertion& assertion) const {
  cjose_err error{};
  const std::string payload = dump(payload_of(assertion));
  const std::string_view key = current_.jwk.reveal();
  const HeaderPtr header = make_header(current_.id, error);
  const JwkPtr jwk(cjose_jwk_import(key.data(), key.size(), &error));
  const JwsPtr jws(header && jwk ? cjose_jws_sign(jwk.get(), header.get(),
                                                  reinterpret_cast<const std::uint8_t*>(payload.data()),
                                                  payload.size(), &error)
                                 : nullptr);
  const char* compact = nullptr;  // owned by jws
  const bool signed_well = jws && cjose_jws_export(jws.get(), &compact, &error);
  ERR_clear_error();
  if (!signed_well) return fail("IDN052", "the assertion could not be signed");
  return std::string(compact);
}

}  // namespace durward::identity
