#include "identity/jose.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/mutant.h"
#include "base/text.h"
#include "identity/cjose_ptr.h"
#include "identity/json.h"

namespace durward::identity {
namespace {

struct Algorithm {
  std::string_view name;
  std::string_view type;
  std::string_view curve;           // EC only
  std::size_t signature_bytes = 0;  // EC only; an RSA signature is as long as the modulus
};
constexpr std::array<Algorithm, 9> algorithms{{{"RS256", "RSA", "", 0},
                                               {"RS384", "RSA", "", 0},
                                               {"RS512", "RSA", "", 0},
                                               {"PS256", "RSA", "", 0},
                                               {"PS384", "RSA", "", 0},
                                               {"PS512", "RSA", "", 0},
                                               {"ES256", "EC", "P-256", 64},
                                               {"ES384", "EC", "P-384", 96},
                                               {"ES512", "EC", "P-521", 132}}};
constexpr std::size_t modulus_bytes_min = 256;    // RSA 2048
constexpr std::size_t modulus_bytes_max = 1'024;  // RSA 8192: a longer one is a way to burn our time
constexpr std::size_t exponent_bytes_max = 4;

const Algorithm* find_algorithm(std::string_view name) {
  const auto* found = std::ranges::find(algorithms, name, &Algorithm::name);
  return found == algorithms.end() ? nullptr : found;
}

std::size_t coordinate_bytes(std::string_view curve) {
  if (curve == "P-256") return 32;
  if (curve == "P-384") return 48;
  return curve == "P-521" ? 66 : 0;
}

// The bytes of a base64url member, or nothing.
std::optional<std::string> binary_member(const Json& object, const char* name) {
  const auto text = string_member(object, name);
  return text ? base64url_decode(*text) : std::nullopt;
}

bool sane_rsa(const Json& key) {
  const auto n = binary_member(key, "n");
  const auto e = binary_member(key, "e");
  if (!n || !e || n->size() > modulus_bytes_max || e->empty() || e->size() > exponent_bytes_max) return false;
  const bool odd = (static_cast<unsigned char>(e->back()) & 1U) != 0;
  return n->size() >= modulus_bytes_min && n->front() != '\0' && odd &&
         !(e->size() == 1 && e->front() == '\1');
}

bool sane_ec(const Json& key, std::size_t bytes) {
  const auto x = binary_member(key, "x");
  const auto y = binary_member(key, "y");
  return bytes > 0 && x && y && x->size() == bytes && y->size() == bytes;
}

// What the key says it is for: signatures, or nothing.
bool for_signatures(const Json& key) {
  if (key.contains("use") && string_member(key, "use") != "sig") return false;
  const auto operations = key.find("key_ops");
  if (operations == key.end()) return true;
  return operations->is_array() && std::ranges::find(*operations, Json("verify")) != operations->end();
}

std::optional<Jwk> read_key(const Json& key) {
  if (!key.is_object() || !for_signatures(key)) return std::nullopt;
  Jwk out;
  out.type = string_member(key, "kty").value_or("");
  if (key.contains("kid")) out.id = string_member(key, "kid").value_or("");
  if (out.id.size() > key_id_bytes_max || (key.contains("kid") && out.id.empty())) return std::nullopt;
  if (key.contains("alg")) {
    out.algorithm = string_member(key, "alg").value_or("");
    const Algorithm* algorithm = find_algorithm(out.algorithm);
    if (algorithm == nullptr || algorithm->type != out.type) return std::nullopt;
  }
  if (out.type == "RSA" && sane_rsa(key)) {
    out.json = dump({{"kty", "RSA"}, {"n", key.at("n")}, {"e", key.at("e")}});
    return out;
  }
  out.curve = string_member(key, "crv").value_or("");
  if (out.type == "EC" && sane_ec(key, coordinate_bytes(out.curve))) {
    out.json = dump({{"kty", "EC"}, {"crv", out.curve}, {"x", key.at("x")}, {"y", key.at("y")}});
    return out;
  }
  return std::nullopt;
}

// header.payload.signature, each base64url and not empty.
std::optional<std::array<std::string_view, 3>> parts(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::array<std::string_view, 3> out{
      token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1)};
  const bool whole = std::ranges::none_of(
      out, [](std::string_view part) { return part.empty() || !base64url_decode(part); });
  return whole ? std::optional(out) : std::nullopt;
}

Status refuse_own_keys(const Json& header) {
  for (const char* name : {"jku", "jwk", "x5u", "crit", "b64", "enc", "zip"}) {
    if (header.contains(name)) {
      return fail("IDN031", std::string("the token's header carries '") + name + "'",
                  "keys come from the provider's published set alone");
    }
  }
  return {};
}

}  // namespace

Result<KeySet> read_key_set(std::string_view text) {
  const auto document = parse_object(text, "IDN012", "the key set");
  if (!document) return tl::unexpected(document.error());
  const auto list = document->find("keys");
  if (list == document->end() || !list->is_array()) return fail("IDN012", "the key set has no list of keys");
  if (list->size() > keys_max) return fail("IDN012", "the key set has too many keys");
  KeySet out;
  for (const Json& key : *list) {
    if (auto read = read_key(key)) out.keys.push_back(std::move(*read));
  }
  if (out.keys.empty()) {
    return fail("IDN012", "the key set has no key that can be used",
                "RSA of 2048 bits or more, or EC on P-256, P-384, P-521; EdDSA is not supported");
  }
  return out;
}

Result<TokenHeader> read_header(std::string_view token, std::initializer_list<std::string_view> types) {
  if (token.size() > token_bytes_max) return fail("IDN030", "the token is too big");
  const auto split = parts(token);
  if (!split) return fail("IDN030", "the token is not a signed JWT in compact form");
  const auto header =
      parse_object(base64url_decode((*split)[0]).value_or(""), "IDN030", "the token's header");
  if (!header) return tl::unexpected(header.error());
  TokenHeader out;
  out.algorithm = string_member(*header, "alg").value_or("");
  const Algorithm* algorithm = find_algorithm(out.algorithm);
  if (algorithm == nullptr) {
    return fail("IDN031", "the token's algorithm is not allowed",
                "RS, PS and ES with 256, 384 or 512; EdDSA is not supported by this version");
  }
  if (auto own = refuse_own_keys(*header); !own) return tl::unexpected(own.error());
  const std::string type = lower_ascii(string_member(*header, "typ").value_or(""));
  if (header->contains("typ") && std::ranges::find(types, type) == types.end()) {
    return fail("IDN031", "the token is of another type");  // an access or logout token is no ID token
  }
  if (header->contains("kid")) {
    out.key_id = string_member(*header, "kid").value_or("");
    if (out.key_id.empty() || out.key_id.size() > key_id_bytes_max || !printable_ascii(out.key_id)) {
      return fail("IDN031", "the token's key id is malformed");
    }
  }
  const std::size_t signature_bytes = base64url_decode((*split)[2])->size();
  const bool right_length = algorithm->signature_bytes == 0
                                ? signature_bytes >= modulus_bytes_min && signature_bytes <= modulus_bytes_max
                                : signature_bytes == algorithm->signature_bytes;
  if (!right_length) return fail("IDN032", "the token's signature has the wrong length");
  return out;
}

bool fits(const Jwk& key, const TokenHeader& header, const std::set<std::string>& announced) {
  const Algorithm* algorithm = find_algorithm(header.algorithm);
  if (algorithm == nullptr || algorithm->type != key.type || algorithm->curve != key.curve) return false;
  if (mutant("alg-from-token")) return true;
  return key.algorithm.empty() ? announced.contains(header.algorithm) : key.algorithm == header.algorithm;
}

Result<std::string> verify(std::string_view token, const TokenHeader& header, const Jwk& key) {
  cjose_err error{};
  std::uint8_t* bytes = nullptr;
  std::size_t length = 0;
  const JwkPtr jwk(cjose_jwk_import(key.json.data(), key.json.size(), &error));
  const JwsPtr jws(jwk ? cjose_jws_import(token.data(), token.size(), &error) : nullptr);
  // cjose takes the algorithm from its own reading of the header: it must be the one that was judged.
  const char* read =
      jws ? cjose_header_get(cjose_jws_get_protected(jws.get()), CJOSE_HDR_ALG, &error) : nullptr;
  const bool good = read != nullptr && header.algorithm == read &&
                    cjose_jws_verify(jws.get(), jwk.get(), &error) &&
                    cjose_jws_get_plaintext(jws.get(), &bytes, &length, &error);
  ERR_clear_error();  // a failure stays in OpenSSL's queue, where the thread's next TLS call would find it
  if (!good) return fail("IDN032", "the token's signature is wrong");
  return std::string(reinterpret_cast<const char*>(bytes), length);
}

}  // namespace durward::identity
