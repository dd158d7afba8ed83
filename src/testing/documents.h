// The documents that golden cases of several modules begin with.
#pragma once

#include <string>
#include <string_view>

namespace durward::testing {

inline constexpr std::string_view gateway_document = R"(apiVersion: durward/v1
kind: Gateway
metadata: {name: edge}
spec:
  listen: [{bind: ["0.0.0.0:8443"], tls: {certificates: certs}}]
  loginHost: login.example
  acr: [pwd, otp, webauthn]
---
)";

inline constexpr std::string_view provider_document = R"(apiVersion: durward/v1
kind: IdentityProvider
metadata: {name: corp}
spec: {issuer: "https://id.example", client: {id: durward, secret: corp-client}}
---
)";

inline constexpr std::string_view credential_document = R"(apiVersion: durward/v1
kind: Credential
metadata: {name: corp-client}
spec: {from: {file: corp-client}, usedBy: [idp/corp]}
---
)";

// A role that the group of its name holds. `more`: further keys of its spec.
inline std::string role_document(const std::string& name, const std::string& more = "") {
  return "apiVersion: durward/v1\nkind: Role\nmetadata: {name: " + name +
         "}\nspec: {members: [{group: " + name + "}]" + more + "}\n---\n";
}

// Gateway, provider and its credential.
inline std::string root_documents() {
  std::string out(gateway_document);
  return out.append(provider_document).append(credential_document);
}

}  // namespace durward::testing
