// The provider's metadata (OpenID Connect Discovery 1.0), reduced to what is used and checked as it is read.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"

namespace durward::identity {

struct Discovery {
  std::string authorization_endpoint;
  std::string token_endpoint;
  std::string jwks_uri;
  std::optional<std::string> userinfo_endpoint;
  std::optional<std::string> end_session_endpoint;
  std::set<std::string> signing_algorithms;  // of ID tokens; never empty
  bool secret_in_body = false;               // client_secret_post, because client_secret_basic is not offered
  bool names_issuer = false;                 // the callback carries `iss` (RFC 9207)
};

std::string discovery_url(std::string_view issuer);
// Errors: IDN010, the message names the member.
Result<Discovery> read_discovery(std::string_view text, std::string_view issuer);

}  // namespace durward::identity
