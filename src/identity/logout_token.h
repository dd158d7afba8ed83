// The claims of a logout token, judged (OpenID Connect Back-Channel Logout 1.0 §2.6). The signature is judged
// before, by jose.h.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace durward::identity {

constexpr std::size_t logout_token_bytes_max = 16U << 10;
constexpr std::chrono::seconds logout_token_age_max{300};  // since its `iat`, clock skew besides

struct LogoutToken {
  std::string sub;  // this or `sid` may be empty, not both
  std::string sid;
  std::string jti;
  std::chrono::sys_seconds useless_after;  // from then on it would be refused for its age
};

struct LogoutExpected {
  std::string issuer;
  std::string client_id;
  std::chrono::sys_seconds now;
};

// Errors: IDN035, the message says what is wrong.
Result<LogoutToken> judge_logout_claims(std::string_view payload, const LogoutExpected& expected);

// `sid` and `jti`: 1 to 255 printable ASCII characters.
bool sane_session_id(std::string_view id);

}  // namespace durward::identity
