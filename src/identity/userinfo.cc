#include "identity/userinfo.h"

#include <algorithm>
#include <array>

#include "identity/roles.h"

namespace durward::identity {
namespace {

constexpr int http_ok = 200;
constexpr std::array<const char*, 14> token_only{"iss",       "sub",     "aud",    "azp", "exp",
                                                 "iat",       "nbf",     "nonce",  "acr", "amr",
                                                 "auth_time", "at_hash", "c_hash", "jti"};

Result<Json> ask(HttpClient& http, const std::string& endpoint, const std::string& access_token) {
  const auto response =
      http.fetch({.url = endpoint,
                  .headers = {{"Accept", "application/json"}, {"Authorization", "Bearer " + access_token}}},
                 {});
  if (!response) return tl::unexpected(response.error());
  if (response->status != http_ok) {
    return fail("IDN021", "UserInfo answered with status " + std::to_string(response->status));
  }
  return parse_object(response->body, "IDN021", "UserInfo's answer");
}

void merge(Json& claims, const Json& info, const std::string& email_claim) {
  const bool own_email = claims.contains(email_claim);
  if (!own_email) claims.erase("email_verified");
  for (const auto& [name, value] : info.items()) {
    const bool of_token = std::ranges::find(token_only, name) != token_only.end();
    const bool of_email = name == email_claim || name == "email_verified";
    if (of_token || (of_email && own_email) || claims.contains(name)) continue;
    claims[name] = value;
  }
}

}  // namespace

bool lacks_claims(const Json& claims, const model::IdentityProvider& settings) {
  return !claims.contains(settings.groups_claim) || !claims.contains(settings.email_claim);
}

Result<std::vector<std::string>> fill_from_userinfo(HttpClient& http, const std::string& endpoint,
                                                    const std::string& access_token,
                                                    const model::IdentityProvider& settings, Json& claims) {
  const auto info = ask(http, endpoint, access_token);
  if (!info) return std::vector<std::string>{"UserInfo could not be read: " + info.error().message};
  if (string_member(*info, "sub") != string_member(claims, "sub")) {
    return fail("IDN034", "UserInfo is about another person than the ID token");
  }
  merge(claims, *info, settings.email_claim);
  return std::vector<std::string>{};
}

}  // namespace durward::identity
