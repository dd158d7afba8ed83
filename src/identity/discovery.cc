#include "identity/discovery.h"

#include <algorithm>

#include "identity/http.h"
#include "identity/json.h"

namespace durward::identity {
namespace {

Result<std::optional<std::string>> endpoint(const Json& document, const char* name, std::string_view issuer) {
  const auto found = document.find(name);
  if (found == document.end() || found->is_null()) return std::optional<std::string>();
  if (!found->is_string() || !allowed_endpoint(found->get_ref<const std::string&>(), issuer)) {
    return fail("IDN010", std::string("discovery: ") + name + " is not an address this issuer may use",
                "it has to be https, without credentials or fragment");
  }
  return std::optional(found->get<std::string>());
}

Result<std::string> required_endpoint(const Json& document, const char* name, std::string_view issuer) {
  auto found = endpoint(document, name, issuer);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return fail("IDN010", std::string("discovery: ") + name + " is missing");
  return std::move(**found);
}

// Nothing when the member is absent.
Result<std::optional<std::set<std::string>>> words(const Json& document, const char* name) {
  const auto found = document.find(name);
  if (found == document.end()) return std::optional<std::set<std::string>>();
  std::set<std::string> out;
  if (!found->is_array()) return fail("IDN010", std::string("discovery: ") + name + " is not a list");
  for (const Json& word : *found) {
    if (!word.is_string())
      return fail("IDN010", std::string("discovery: ") + name + " is not a list of words");
    out.insert(word.get<std::string>());
  }
  return std::optional(std::move(out));
}

Status read_capabilities(const Json& document, Discovery& out) {
  auto types = words(document, "response_types_supported");
  auto challenges = words(document, "code_challenge_methods_supported");
  auto methods = words(document, "token_endpoint_auth_methods_supported");
  auto algorithms = words(document, "id_token_signing_alg_values_supported");
  for (const auto* list : {&types, &challenges, &methods, &algorithms}) {
    if (!*list) return tl::unexpected(list->error());
  }
  if (*types && !(*types)->contains("code")) return fail("IDN010", "the provider has no code flow");
  if (*challenges && !(*challenges)->contains("S256")) {
    return fail("IDN010", "the provider offers PKCE without S256");
  }
  if (*methods && !(*methods)->contains("client_secret_basic")) {
    if (!(*methods)->contains("client_secret_post")) {
      return fail("IDN010", "the provider takes neither client_secret_basic nor client_secret_post",
                  "other ways to authenticate the client are not supported by this version");
    }
    out.secret_in_body = true;
  }
  out.signing_algorithms = {"RS256"};  // what the specification makes every provider offer
  if (*algorithms && !(*algorithms)->empty()) out.signing_algorithms = std::move(**algorithms);
  const auto names = document.find("authorization_response_iss_parameter_supported");
  out.names_issuer = names != document.end() && names->is_boolean() && names->get<bool>();
  return {};
}

}  // namespace

std::string discovery_url(std::string_view issuer) {
  if (issuer.ends_with('/')) issuer.remove_suffix(1);
  return std::string(issuer) + "/.well-known/openid-configuration";
}

Result<Discovery> read_discovery(std::string_view text, std::string_view issuer) {
  const auto document = parse_object(text, "IDN010", "discovery");
  if (!document) return tl::unexpected(document.error());
  if (string_member(*document, "issuer") != issuer) {
    return fail("IDN010", "discovery names another issuer than the one configured",
                "the issuer is compared byte for byte: mind a trailing slash");
  }
  Discovery out;
  for (const auto& [name, member] :
       {std::pair{"authorization_endpoint", &out.authorization_endpoint},
        std::pair{"token_endpoint", &out.token_endpoint}, std::pair{"jwks_uri", &out.jwks_uri}}) {
    auto found = required_endpoint(*document, name, issuer);
    if (!found) return tl::unexpected(found.error());
    *member = std::move(*found);
  }
  for (const auto& [name, member] : {std::pair{"userinfo_endpoint", &out.userinfo_endpoint},
                                     std::pair{"end_session_endpoint", &out.end_session_endpoint}}) {
    auto found = endpoint(*document, name, issuer);
    if (!found) return tl::unexpected(found.error());
    *member = std::move(*found);
  }
  if (auto read = read_capabilities(*document, out); !read) return tl::unexpected(read.error());
  return out;
}

}  // namespace durward::identity
