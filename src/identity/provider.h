// A relying party for one OpenID provider: where to send people, and what comes back as proof.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "identity/http.h"
#include "identity/logout_token.h"
#include "model/model.h"
#include "sys/clock.h"

namespace durward::identity {

// What a provider has proven about one person. `claims` is the JSON object of the ID token, filled up from
// UserInfo.
struct Identity {
  std::string provider;  // its name in the model
  std::string issuer;
  std::string sub;  // 1 to 255 printable ASCII characters
  std::string claims;
  std::string id_token;            // for the logout hint only
  std::vector<std::string> notes;  // for the log: "userinfo could not be read: …"
  std::string sid{};               // the provider's name for its session; empty when it says none
  Secret refresh_token{};          // empty when the provider gave none
};

struct AuthorizationRequest {
  std::string redirect_uri;
  std::string state;
  std::string nonce;
  std::string code_verifier;  // 43 to 128 unreserved characters; only its SHA-256 leaves (PKCE S256, always)
  std::vector<std::string> acr_values;  // the provider's words; see Provider::acr_values_for
  std::optional<std::chrono::seconds> max_age;
  bool prompt_login = false;
  std::string login_hint;
};

struct CodeExchange {
  std::string code;
  std::string redirect_uri;                     // as in the authorization request
  std::string code_verifier;                    // likewise
  std::string nonce;                            // likewise
  std::optional<std::chrono::seconds> max_age;  // likewise; set = auth_time must be there and recent enough
  std::optional<std::string> response_issuer;   // `iss` of the callback (RFC 9207), when it came
};

struct RefreshRequest {
  Secret refresh_token;
  std::string sub;       // whose it is
  std::string id_token;  // of the login: a nonce in the new one must be its
  // Called with the next refresh token, when there is one, before anything else of the answer is used: the
  // one in `refresh_token` may be worthless from then on.
  std::function<void(const Secret&)> keep;
};

struct LogoutRequest {
  std::string id_token;                  // may be empty
  std::string post_logout_redirect_uri;  // may be empty
  std::string state;                     // may be empty
};

// Thread-safe. Discovery and keys are fetched when first needed and cached; a fetch holds no lock, callers
// that have usable older data get it at once, others wait for the one fetch under way, so a slow provider
// costs its own users only. Nothing is shared between providers.
//
// Errors: IDN001–003 as HttpClient, IDN010 discovery is wrong, IDN011 the provider is not answering (asked
// again after a pause), IDN012 the key set is wrong, IDN020 the token endpoint refused, IDN021 its answer is
// wrong, IDN022 it says that there is nothing left to refresh, IDN023 a refresh is about someone else, IDN030
// the ID token is malformed, IDN031 its algorithm or key is refused, IDN032 its signature is wrong, IDN033 a
// claim is wrong (message names it), IDN034 UserInfo is about someone else, IDN035 a logout token is wrong,
// IDN040 bad arguments.
class Provider {
 public:
  struct Options {
    model::IdentityProvider settings;
    Secret client_secret;
    HttpClient& http;         // outlives the Provider
    const sys::Clock& clock;  // outlives the Provider
  };
  explicit Provider(Options options);
  ~Provider();
  Provider(const Provider&) = delete;
  Provider& operator=(const Provider&) = delete;

  const model::IdentityProvider& settings() const;

  // Where to send the browser.
  Result<std::string> authorization_url(const AuthorizationRequest& request);
  // The provider's words for this level of the ladder and those above, weakest first: any of them will do.
  std::vector<std::string> acr_values_for(int level) const;
  // Redeems the code, validates the ID token and asks UserInfo when groups or e-mail are missing from it.
  Result<Identity> exchange(const CodeExchange& request);
  // The claims as the provider has them now, without the person: from a new ID token, filled up from
  // UserInfo, or from UserInfo alone. `refresh_token` of the result is empty: `keep` had it.
  Result<Identity> refresh(const RefreshRequest& request);
  // A logout token (OpenID Connect Back-Channel Logout 1.0 §2.6), judged. Whether it was used before is for
  // the caller to know.
  Result<LogoutToken> read_logout_token(const std::string& token);
  // RP-initiated logout; nothing when the provider offers none.
  Result<std::optional<std::string>> logout_url(const LogoutRequest& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace durward::identity
