// Redeeming a code or a refresh token at the token endpoint. Internal to identity.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "identity/discovery.h"
#include "identity/http.h"
#include "identity/provider.h"

namespace durward::identity {

struct ClientCredentials {
  std::string client_id;
  const Secret& client_secret;
};
struct Tokens {
  std::string id_token;  // empty only in the answer to a refresh
  std::optional<std::string> access_token;
  Secret refresh_token;  // empty when none was given
};

// Errors: IDN001–003, IDN020 refused (the message has OAuth's error word), IDN021 the answer is wrong.
Result<Tokens> redeem_code(HttpClient& http, const Discovery& document, const ClientCredentials& client,
                           const CodeExchange& request);
// Errors: likewise, and IDN022 when the provider says that the grant is no more (invalid_grant).
Result<Tokens> redeem_refresh_token(HttpClient& http, const Discovery& document,
                                    const ClientCredentials& client, const Secret& refresh_token);

}  // namespace durward::identity
