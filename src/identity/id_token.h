// The claims of an ID token, judged (OpenID Connect Core 1.0 §3.1.3.7). The signature is judged before, by
// jose.h.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "identity/json.h"

namespace durward::identity {

constexpr std::chrono::seconds clock_skew{60};

struct Expected {
  std::string issuer;
  std::string client_id;
  std::string nonce;
  bool refreshed = false;  // of a refresh, whose token may be without a nonce (OpenID Connect Core §12.2)
  std::string algorithm;   // of the token: at_hash is made with its hash
  std::optional<std::string> access_token;
  std::optional<std::chrono::seconds> max_age;
  std::chrono::sys_seconds now;
};

// The claims, when all that must hold holds. Errors: IDN033, the message names the claim.
Result<Json> judge_claims(std::string_view payload, const Expected& expected);

// Whether `aud` names this client, and `azp` no other. Errors: IDN033.
Status judge_audience(const Json& claims, const std::string& client_id);

// `sub`: 1 to 255 printable ASCII characters.
bool sane_sub(std::string_view sub);

}  // namespace durward::identity
