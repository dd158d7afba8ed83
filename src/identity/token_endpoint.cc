#include "identity/token_endpoint.h"

#include <openssl/evp.h>

#include "base/text.h"
#include "identity/jose.h"
#include "identity/json.h"

namespace durward::identity {
namespace {

constexpr int http_ok = 200;
constexpr std::size_t error_word_bytes_max = 64;

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
  return sane ? word : "no reason given";
}

Result<Tokens> read_tokens(const std::string& body) {
  const auto answer = parse_object(body, "IDN021", "the token endpoint's answer");
  if (!answer) return tl::unexpected(answer.error());
  Tokens out;
  out.id_token = string_member(*answer, "id_token").value_or("");
  if (out.id_token.empty()) return fail("IDN021", "the token endpoint's answer has no ID token");
  if (out.id_token.size() > token_bytes_max) return fail("IDN021", "the ID token is too big");
  if (!answer->contains("access_token")) return out;
  out.access_token = string_member(*answer, "access_token");
  const bool sane = out.access_token && !out.access_token->empty() &&
                    out.access_token->size() <= token_bytes_max && printable_ascii(*out.access_token);
  if (!sane) return fail("IDN021", "the access token is malformed");
  if (lower_ascii(string_member(*answer, "token_type").value_or("")) != "bearer") {
    return fail("IDN021", "the access token is not a bearer token");
  }
  return out;
}

}  // namespace

Result<Tokens> redeem_code(HttpClient& http, const Discovery& document, const ClientCredentials& client,
                           const CodeExchange& request) {
  HttpRequest post;
  post.method = "POST";
  post.url = document.token_endpoint;
  post.headers = {{"Accept", "application/json"}, {"Content-Type", "application/x-www-form-urlencoded"}};
  post.body = "grant_type=authorization_code&code=" + percent_encode(request.code) +
              "&redirect_uri=" + percent_encode(request.redirect_uri) +
              "&code_verifier=" + percent_encode(request.code_verifier);
  const std::string id = percent_encode(client.client_id);
  const std::string secret = percent_encode(client.client_secret.reveal());
  if (document.secret_in_body) {
    post.body += "&client_id=" + id + "&client_secret=" + secret;
  } else {
    post.headers.emplace_back("Authorization", "Basic " + base64(id + ":" + secret));  // RFC 6749 §2.3.1
  }
  const auto response = http.fetch(post, {});
  if (!response) return tl::unexpected(response.error());
  if (response->status != http_ok) {
    return fail("IDN020", "the token endpoint refused with status " + std::to_string(response->status) +
                              ": " + error_word(response->body));
  }
  return read_tokens(response->body);
}

}  // namespace durward::identity
