// UserInfo: asked when groups or e-mail are missing from the ID token. Internal to identity.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "identity/http.h"
#include "identity/json.h"
#include "model/model.h"

namespace durward::identity {

bool lacks_claims(const Json& claims, const model::IdentityProvider& settings);

// Adds to `claims` what they lack; the ID token always wins, and what speaks of the token or the
// authentication is never taken. An address and whether it is verified come from one source. A failure leaves
// `claims` as they are (what is missing is then unknown) and is told by a note. Errors: IDN034 when the
// answer is about someone else.
Result<std::vector<std::string>> fill_from_userinfo(HttpClient& http, const std::string& endpoint,
                                                    const std::string& access_token,
                                                    const model::IdentityProvider& settings, Json& claims);

}  // namespace durward::identity
