// Signed tokens: which algorithm and key may verify one. The cryptography itself is cjose's.
#pragma once

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace durward::identity {

constexpr std::size_t token_bytes_max = 64U << 10;
constexpr std::size_t key_id_bytes_max = 256;
constexpr std::size_t keys_max = 64;

// A public key fit to verify signatures. Keys of other kinds (symmetric, EdDSA, for encryption, too short)
// never become one.
struct Jwk {
  std::string id;         // `kid`; may be empty
  std::string type;       // RSA or EC
  std::string algorithm;  // `alg`; empty = not said
  std::string curve;      // EC only
  std::string json;       // the public members that make the key, and nothing else
};

struct KeySet {
  std::vector<Jwk> keys;
};

// Keys that cannot be used are passed over. Errors: IDN012 no key set, or none of its keys can be used.
Result<KeySet> read_key_set(std::string_view text);

struct TokenHeader {
  std::string algorithm;  // one of RS/PS/ES 256, 384, 512
  std::string key_id;     // may be empty
};

// The header of a compact JWS. `types`: what `typ` may be, when it is there, in lower case. Errors: IDN030
// malformed or too big; IDN031 an algorithm that is not allowed (`none`, the HMACs, EdDSA), another type, or
// a header that names its own key (jku, jwk, x5u) or asks for extensions (crit, b64).
Result<TokenHeader> read_header(std::string_view token,
                                std::initializer_list<std::string_view> types = {"jwt"});

// Whether this key is for this algorithm: type and curve must fit, `alg` must be equal; a key that does not
// say `alg` takes those of `announced` (the provider's metadata) that fit.
bool fits(const Jwk& key, const TokenHeader& header, const std::set<std::string>& announced);

// The payload, when the signature is of that key. `key` must fit `header`, which must be of this token.
// Errors: IDN032.
Result<std::string> verify(std::string_view token, const TokenHeader& header, const Jwk& key);

}  // namespace durward::identity
