#include "identity/token_endpoint.h"

#include <openssl/evp.h>

#include "base/mutant.h"
#include "base/text.h"
#include "identity/jose.h"
#include "identity/json.h"

namespace durward::identity {
namespace {

constexpr int http_ok = 200;
constexpr std::size_t error_word_bytes_max = 64;
constexpr std::size_t refresh_token_bytes_max = 16U << 10;
constexpr const char* no_reason = "no reason given";

std::string base64(const std::string& bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock ends with a NUL
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

// The error word of RFC 6749 §5.2, if it is one: the text beside it may hold anything and is not repeated.
std::string error_word(const std::string& body) {
  const auto answer = parse_object(body, "IDN021", "the answer");
  const std::string word = answer ? string_member(*answer, "error").value_or("") : "";
  const bool sane = !word.empty() && word.size() <= error_word_bytes_max &&
                    word.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
  return sane ? word : no_reason;
}

Status read_access_token(const Json& answer, Tokens& out) {
  if (!answer.contains("access_token")) return {};
  out.access_token = string_member(answer, "access_token");
  const bool sane = out.access_token && !out.access_token->empty() &&
                    out.access_token->size() <= token_bytes_max && printable_ascii(*out.access_token);
  if (!sane) return fail("IDN021", "the access token is malformed");
  if (lower_ascii(string_member(answer, "token_type").value_or("")) != "bearer") {
    return fail("IDN021", "the access token is not a bearer token");
  }
  return {};
}

Result<Tokens> read_tokens(const std::string& body) {
  const auto answer = parse_object(body, "IDN021", "the token endpoint's answer");
  if (!answer) return tl::unexpected(answer.error());
  Tokens out;
  out.id_token = string_member(*answer, "id_token").value_or("");
  if (answer->contains("id_token") && out.id_token.empty())
    return fail("IDN021", "the ID token is malformed");
  if (out.id_token.size() > token_bytes_max) return fail("IDN021", "the ID token is too big");
  if (auto read = read_access_token(*answer, out); !read) return tl::unexpected(read.error());
  if (!answer->contains("refresh_token")) return out;
  out.refresh_token = Secret(string_member(*answer, "refresh_token").value_or(""));
  const bool sane = !out.refresh_token.empty() &&
                    out.refresh_token.reveal().size() <= refresh_token_bytes_max &&
                    printable_ascii(out.refresh_token.reveal());
  if (!sane) return fail("IDN021", "the refresh token is malformed");
  return out;
}

// Adds the client's credentials to `form` and sends it.
Result<HttpResponse> ask(HttpClient& http, const Discovery& document, const ClientCredentials& client,
                         std::string form) {
  HttpRequest post;
  post.method = "POST";
  post.url = document.token_endpoint;
  post.headers = {{"Accept", "application/json"}, {"Content-Type", "application/x-www-form-urlencoded"}};
  post.body = std::move(form);
  const std::string id = percent_encode(client.client_id);
  const std::string secret = percent_encode(client.client_secret.reveal());
  if (document.secret_in_body) {
    post.body += "&client_id=" + id + "&client_secret=" + secret;
  } else {
    post.headers.emplace_back("Authorization", "Basic " + base64(id + ":" + secret));  // RFC 6749 §2.3.1
  }
  return http.fetch(post, {});
}

tl::unexpected<Error> refused(const HttpResponse& response, const char* code) {
  return fail(code, "the token endpoint refused with status " + std::to_string(response.status) + ": " +
                        error_word(response.body));
}

}  // namespace

Result<Tokens> redeem_code(HttpClient& http, const Discovery& document, const ClientCredentials& client,
                           const CodeExchange& request) {
  const std::string verifier = mutant("pkce-verifier-dropped") ? "" : percent_encode(request.code_verifier);
  const auto response =
      ask(http, document, client,
          "grant_type=authorization_code&code=" + percent_encode(request.code) +
              "&redirect_uri=" + percent_encode(request.redirect_uri) + "&code_verifier=" + verifier);
  if (!response) return tl::unexpected(response.error());
  if (response->status != http_ok) return refused(*response, "IDN020");
  auto tokens = read_tokens(response->body);
  if (tokens && tokens->id_token.empty())
    return fail("IDN021", "the token endpoint's answer has no ID token");
  return tokens;
}

Result<Tokens> redeem_refresh_token(HttpClient& http, const Discovery& document,
                                    const ClientCredentials& client, const Secret& refresh_token) {
  const auto response =
      ask(http, document, client,
          "grant_type=refresh_token&refresh_token=" + percent_encode(refresh_token.reveal()));
  if (!response) return tl::unexpected(response.error());
  // RFC 6749 §5.2: this word alone says that the grant itself has ended. All others may pass.
  const bool ended = response->status / 100 == 4 && error_word(response->body) == "invalid_grant";
  if (response->status != http_ok) return refused(*response, ended ? "IDN022" : "IDN020");
  return read_tokens(response->body);
}

}  // namespace durward::identity
