#include "identity/provider.h"

#include <algorithm>

#include "base/hash.h"
#include "base/mutant.h"
#include "base/text.h"
#include "identity/cached.h"
#include "identity/discovery.h"
#include "identity/id_token.h"
#include "identity/jose.h"
#include "identity/json.h"
#include "identity/token_endpoint.h"
#include "identity/userinfo.h"

namespace durward::identity {
namespace {

using std::chrono::hours;

constexpr std::size_t parameter_bytes_max = 4'096;
constexpr std::size_t verifier_bytes_min = 43;
constexpr std::size_t verifier_bytes_max = 128;
constexpr int http_ok = 200;

bool sane_verifier(const std::string& verifier) {
  return verifier.size() >= verifier_bytes_min && verifier.size() <= verifier_bytes_max &&
         percent_encode(verifier) == verifier;  // unreserved characters only
}

bool sane_parameter(const std::string& text) {
  return !text.empty() && text.size() <= parameter_bytes_max && printable_ascii(text);
}

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::string with_query(const std::string& endpoint, const Parameters& parameters) {
  std::string out = endpoint;
  char separator = endpoint.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    out += separator + name + '=' + percent_encode(value);
    separator = '&';
  }
  return out;
}

std::string scope_words(std::vector<std::string> scopes) {
  if (std::ranges::find(scopes, "openid") == scopes.end()) scopes.insert(scopes.begin(), "openid");
  return join(scopes, " ");
}

// Keys of that id; of a token without one, the only key that fits.
std::vector<const Jwk*> candidates(const KeySet& set, const TokenHeader& header,
                                   const std::set<std::string>& announced) {
  std::vector<const Jwk*> out;
  for (const Jwk& key : set.keys) {
    if (!fits(key, header, announced)) continue;
    if (header.key_id.empty() || key.id == header.key_id) out.push_back(&key);
  }
  if (header.key_id.empty() && out.size() > 1) out.clear();
  return out;
}

// The nonce in an ID token that was judged when it came.
std::string nonce_of(const std::string& id_token) {
  const auto parts = split(id_token, '.');
  if (parts.size() != 3) return {};
  const auto claims = parse_object(base64url_decode(parts[1]).value_or(""), "IDN030", "the login's ID token");
  return claims ? string_member(*claims, "nonce").value_or("") : "";
}

}  // namespace

struct Provider::State {
  explicit State(Options given) : options(std::move(given)) {}
  Options options;
  Cached<Discovery> discovery{{.fresh = hours(1), .stale = hours(24)}};
  Cached<KeySet> keys{{.fresh = hours(1), .stale = hours(24)}};

  Result<std::string> fetch_text(const std::string& url, const char* code, const char* what) {
    auto response = options.http.fetch({.url = url, .headers = {{"Accept", "application/json"}}}, {});
    if (!response) return tl::unexpected(response.error());
    if (response->status != http_ok) {
      return fail(code, std::string(what) + " answered with status " + std::to_string(response->status));
    }
    return std::move(response->body);
  }

  Result<Cached<Discovery>::Ptr> metadata() {
    return discovery.get(options.clock, [this]() -> Result<Discovery> {
      const std::string& issuer = options.settings.issuer.value;
      auto text = fetch_text(discovery_url(issuer), "IDN010", "discovery");
      if (!text) return tl::unexpected(text.error());
      return read_discovery(*text, issuer);
    });
  }

  Result<Cached<KeySet>::Ptr> key_set(const Discovery& document, const Cached<KeySet>::Ptr& lacking) {
    return keys.get(
        options.clock,
        [&]() -> Result<KeySet> {
          auto text = fetch_text(document.jwks_uri, "IDN012", "the key set");
          if (!text) return tl::unexpected(text.error());
          return read_key_set(*text);
        },
        lacking);
  }

  // The payload of a token signed with a published key. A key that is not known is looked for anew, at the
  // cache's pace.
  Result<std::string> verified(const std::string& token, const TokenHeader& header,
                               const Discovery& document) {
    Cached<KeySet>::Ptr lacking;
    tl::unexpected<Error> refusal =
        fail("IDN031", "the token names a key that the provider does not publish");
    for (int attempt = 0; attempt < 2; ++attempt) {
      auto set = key_set(document, lacking);
      if (!set) return tl::unexpected(set.error());
      if (*set == lacking) break;
      const auto fitting = candidates(**set, header, document.signing_algorithms);
      for (const Jwk* key : fitting) {
        if (auto payload = verify(token, header, *key)) return payload;
        refusal = fail("IDN032", "the token's signature is wrong");
      }
      if (!fitting.empty() && !header.key_id.empty()) break;
      lacking = *set;
    }
    return refusal;
  }

  Status check_exchange(const CodeExchange& request, const Discovery& document) const {
    if (!sane_parameter(request.code)) return fail("IDN040", "the code is empty, too long or not printable");
    if (!sane_verifier(request.code_verifier)) return fail("IDN040", "the code verifier is malformed");
    if (!sane_parameter(request.redirect_uri) || request.nonce.empty()) {
      return fail("IDN040", "the redirect address or the nonce is missing");
    }
    if (options.client_secret.empty()) {
      return fail("IDN040", "the client secret is empty", "public clients are not supported by this version");
    }
    const bool other = request.response_issuer && *request.response_issuer != options.settings.issuer.value;
    if (other || (document.names_issuer && !request.response_issuer)) {
      return fail("IDN033", "the callback is not from this provider");  // mix-up, RFC 9207
    }
    return {};
  }

  // The claims of the ID token. `expected` lacks what is this provider's and this answer's.
  Result<Json> proven_claims(const Tokens& tokens, const Discovery& document, Expected expected) {
    auto header = read_header(tokens.id_token);
    if (!header) return tl::unexpected(header.error());
    auto payload = verified(tokens.id_token, *header, document);
    if (!payload) return tl::unexpected(payload.error());
    expected.issuer = options.settings.issuer.value;
    expected.client_id = options.settings.client_id.value;
    expected.algorithm = header->algorithm;
    expected.access_token = tokens.access_token;
    expected.now = options.clock.now_seconds();
    return judge_claims(*payload, expected);
  }

  ClientCredentials credentials() const {
    return {.client_id = options.settings.client_id.value, .client_secret = options.client_secret};
  }

  bool userinfo_helps(const Discovery& document, const Tokens& tokens, const Json& claims) const {
    return document.userinfo_endpoint && tokens.access_token && lacks_claims(claims, options.settings);
  }

  Identity identity_of(const Json& claims) const {
    Identity out;
    out.provider = options.settings.name.value;
    out.issuer = options.settings.issuer.value;
    out.sub = claims.at("sub").get<std::string>();
    const std::string sid = string_member(claims, "sid").value_or("");
    if (sane_session_id(sid)) out.sid = sid;
    out.claims = dump(claims);
    return out;
  }
};

Provider::Provider(Options options) : state_(std::make_unique<State>(std::move(options))) {}
Provider::~Provider() = default;

const model::IdentityProvider& Provider::settings() const {
  return state_->options.settings;
}

Result<std::string> Provider::authorization_url(const AuthorizationRequest& request) {
  if (!sane_verifier(request.code_verifier)) return fail("IDN040", "the code verifier is malformed");
  if (!sane_parameter(request.redirect_uri) || request.state.empty() || request.nonce.empty()) {
    return fail("IDN040", "the redirect address, the state or the nonce is missing");
  }
  const auto document = state_->metadata();
  if (!document) return tl::unexpected(document.error());
  const std::string max_age = request.max_age ? std::to_string(request.max_age->count()) : "";
  return with_query((*document)->authorization_endpoint,
                    {{"response_type", "code"},
                     {"client_id", settings().client_id.value},
                     {"redirect_uri", request.redirect_uri},
                     {"scope", scope_words(settings().scopes)},
                     {"state", request.state},
                     {"nonce", request.nonce},
                     {"code_challenge", base64url(sha256(request.code_verifier))},
                     {"code_challenge_method", "S256"},
                     {"acr_values", join(request.acr_values, " ")},
                     {"max_age", max_age},
                     {"prompt", request.prompt_login ? "login" : ""},
                     {"login_hint", request.login_hint}});
}

std::vector<std::string> Provider::acr_values_for(int level) const {
  std::vector<std::pair<int, std::string>> ordered;
  for (const auto& [word, its_level] : settings().acr) {
    if (its_level >= level) ordered.emplace_back(its_level, word);
  }
  std::ranges::sort(ordered);
  std::vector<std::string> out;
  for (auto& [its_level, word] : ordered) out.push_back(std::move(word));
  return out;
}

Result<Identity> Provider::exchange(const CodeExchange& request) {
  const auto found = state_->metadata();
  if (!found) return tl::unexpected(found.error());
  const Discovery& document = **found;
  if (auto checked = state_->check_exchange(request, document); !checked)
    return tl::unexpected(checked.error());
  auto tokens = redeem_code(state_->options.http, document, state_->credentials(), request);
  if (!tokens) return tl::unexpected(tokens.error());
  Expected expected;
  expected.nonce = request.nonce;
  expected.max_age = request.max_age;
  auto claims = state_->proven_claims(*tokens, document, std::move(expected));
  if (!claims) return tl::unexpected(claims.error());

  std::vector<std::string> notes;
  if (state_->userinfo_helps(document, *tokens, *claims)) {
    auto filled = fill_from_userinfo(state_->options.http, *document.userinfo_endpoint, *tokens->access_token,
                                     settings(), *claims);
    if (!filled) return tl::unexpected(filled.error());
    notes = std::move(*filled);
  }
  Identity out = state_->identity_of(*claims);
  out.notes = std::move(notes);
  out.id_token = std::move(tokens->id_token);
  out.refresh_token = std::move(tokens->refresh_token);
  const auto& scopes = settings().scopes;
  if (out.refresh_token.empty() && std::ranges::find(scopes, "offline_access") != scopes.end())
    out.notes.emplace_back(
        "the provider gave no refresh token: claims stay as they are until the next login");
  return out;
}

Result<Identity> Provider::refresh(const RefreshRequest& request) {
  const auto found = state_->metadata();
  if (!found) return tl::unexpected(found.error());
  const Discovery& document = **found;
  const auto tokens =
      redeem_refresh_token(state_->options.http, document, state_->credentials(), request.refresh_token);
  if (!tokens) return tl::unexpected(tokens.error());
  if (!tokens->refresh_token.empty()) request.keep(tokens->refresh_token);

  Result<Json> claims = Json{{"iss", settings().issuer.value}, {"sub", request.sub}};
  const bool from_userinfo = tokens->id_token.empty();
  if (!from_userinfo) {
    Expected expected;
    expected.nonce = nonce_of(request.id_token);
    expected.refreshed = true;
    claims = state_->proven_claims(*tokens, document, std::move(expected));
    if (!claims) return tl::unexpected(claims.error());
  } else if (!document.userinfo_endpoint || !tokens->access_token) {
    return fail("IDN021", "the answer to a refresh has nothing to read claims from");
  }
  if (string_member(*claims, "sub") != request.sub && !mutant("refresh-sub-change-ignored"))
    return fail("IDN023", "a refresh is about another person than the login");
  if (from_userinfo || state_->userinfo_helps(document, *tokens, *claims)) {
    const auto filled = fill_from_userinfo(state_->options.http, *document.userinfo_endpoint,
                                           *tokens->access_token, settings(), *claims);
    if (!filled) return fail("IDN023", filled.error().message);
    // Unlike at a login: what was known stays known while UserInfo is away for a moment.
    if (!filled->empty()) return fail("IDN021", filled->front());
  }
  return state_->identity_of(*claims);
}

Result<LogoutToken> Provider::read_logout_token(const std::string& token) {
  if (token.size() > logout_token_bytes_max) return fail("IDN030", "the logout token is too big");
  const auto header = read_header(token, {"logout+jwt", "jwt"});
  if (!header) return tl::unexpected(header.error());
  const auto document = state_->metadata();
  if (!document) return tl::unexpected(document.error());
  const auto payload = state_->verified(token, *header, **document);
  if (!payload) return tl::unexpected(payload.error());
  return judge_logout_claims(*payload, {.issuer = settings().issuer.value,
                                        .client_id = settings().client_id.value,
                                        .now = state_->options.clock.now_seconds()});
}

Result<std::optional<std::string>> Provider::logout_url(const LogoutRequest& request) {
  const auto document = state_->metadata();
  if (!document) return tl::unexpected(document.error());
  if (!(*document)->end_session_endpoint) return std::optional<std::string>();
  return std::optional(with_query(*(*document)->end_session_endpoint,
                                  {{"id_token_hint", request.id_token},
                                   {"client_id", settings().client_id.value},
                                   {"post_logout_redirect_uri", request.post_logout_redirect_uri},
                                   {"state", request.state}}));
}

}  // namespace durward::identity
