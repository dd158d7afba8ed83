// The signed statement for upstreams: "this request came through the gateway, for this person".
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace durward::identity {

struct Assertion {
  std::string issuer;    // "https://LOGINHOST"
  std::string audience;  // "https://HOST"
  std::string sub;
  std::string provider_issuer;  // claim `idp`: a subject is (issuer, sub)
  std::optional<std::string> email;
  std::string name;             // left out when empty
  std::set<std::string> roles;  // held ones
  std::string session;          // claim `sid`: an id, never a token
  std::string id;               // claim `jti`; left out when empty
  std::chrono::sys_seconds issued;
  std::chrono::sys_seconds expires;
};

// ES256 with a current key and the one before it, which stays published while assertions under it live.
// Immutable after creation, so any thread may use it; rotation gives a new one. `kid` is the RFC 7638
// thumbprint. Errors: IDN050 no key could be made, IDN051 the serialised form is wrong or newer, IDN052
// signing failed.
class AssertionSigner {
 public:
  static Result<AssertionSigner> generate(std::chrono::sys_seconds now);
  static Result<AssertionSigner> load(const Secret& serialised);
  Result<AssertionSigner> rotated(std::chrono::sys_seconds now) const;

  Secret serialise() const;                  // JSON with private keys, for the store
  std::string public_keys() const;           // JWK set, the current key first
  const std::string& key_id() const;         // of the current key
  std::chrono::sys_seconds created() const;  // when the current key was made

  Result<std::string> sign(const Assertion& assertion) const;  // compact JWS

 private:
  struct Key {
    std::string id;
    std::chrono::sys_seconds created;
    Secret jwk;  // JSON, private
    std::string public_jwk;
    Key clone() const;
  };
  static Result<Key> make_key(const std::string& jwk, std::chrono::sys_seconds created);
  static Result<Key> new_key(std::chrono::sys_seconds now);
  AssertionSigner(Key current, std::optional<Key> previous);
  Key current_;
  std::optional<Key> previous_;
};

}  // namespace durward::identity
