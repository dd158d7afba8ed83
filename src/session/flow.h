// What a login carries through the browser, from the app host to the provider and back.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "session/sealed.h"

namespace durward::session {

constexpr std::chrono::seconds start_ttl{900};  // time to find the password
constexpr std::chrono::seconds state_ttl{900};
constexpr std::size_t return_url_bytes_max = 2'048;

// Made on an app host, for its own browser: where to return to, and what the login must satisfy.
struct Start {
  std::string host;                              // lower case, no port
  std::string return_url;                        // on `host`; see make_return_url
  std::string nonce_hash;                        // nonce_hash() of the pre-login cookie
  std::optional<int> need_acr;                   // level on the gateway's ladder
  std::optional<std::chrono::seconds> need_age;  // authenticated at most this long ago
  bool operator==(const Start&) const = default;
};

// Made on the login host for one round trip to one provider; its sealed form is the `state` parameter.
struct State {
  std::string provider;
  std::string nonce;          // goes into the ID token
  std::string code_verifier;  // PKCE
  std::string browser_hash;   // nonce_hash() of the state cookie: binds the state to the browser
  std::optional<std::chrono::seconds> max_age;
  std::optional<Start> start;  // none: signed in at the login host itself
  bool operator==(const State&) const = default;
};

// Expiry is start_ttl or state_ttl after `now`. Errors: as Sealer, and SES006 a newer or malformed content.
Result<std::string> seal_start(const Sealer& sealer, const Start& start, std::chrono::sys_seconds now);
Result<Start> open_start(const Sealer& sealer, std::string_view sealed, std::chrono::sys_seconds now);
Result<std::string> seal_state(const Sealer& sealer, const State& state, std::chrono::sys_seconds now);
Result<State> open_state(const Sealer& sealer, std::string_view sealed, std::chrono::sys_seconds now);

// SHA-256 in hex; compare with equal_constant_time.
std::string nonce_hash(std::string_view nonce);

// "https://HOST[:PORT]" + target; the port is left out when 443. The target is a path with an optional query.
// Refused (SES007), never repaired: anything a browser could read as another origin: a target that does not
// begin with exactly one '/', backslashes, control bytes, white space, '#', non-ASCII, or one that is too
// long.
Result<std::string> make_return_url(std::string_view host, std::uint16_t port, std::string_view target);
// The same judgement over a whole URL. Errors: SES007.
Status check_return_url(std::string_view url, std::string_view host, std::uint16_t port);

}  // namespace durward::session
