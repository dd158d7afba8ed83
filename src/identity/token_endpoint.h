// Redeeming a code at the token endpoint. Internal to identity.
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
  std::string id_token;
  std::optional<std::string> access_token;
};

// Errors: IDN001–003, IDN020 refused (the message has OAuth's error word), IDN021 the answer is wrong.
Result<Tokens> redeem_code(HttpClient& http, const Discovery& document, const ClientCredentials& client,
                           const CodeExchange& request);

}  // namespace durward::identity
