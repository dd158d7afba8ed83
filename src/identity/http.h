// HTTP towards identity providers: small bounded exchanges, no redirects, TLS verified.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace durward::identity {

constexpr std::size_t http_body_bytes_max = 1U << 20;
constexpr std::chrono::milliseconds http_timeout{10'000};  // for the whole exchange, name lookup included

struct HttpRequest {
  std::string method = "GET";  // GET or POST
  std::string url{};
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
};

struct HttpLimits {
  std::size_t body_bytes_max = http_body_bytes_max;
  std::chrono::milliseconds timeout = http_timeout;
};

struct HttpResponse {
  int status = 0;
  std::string content_type;  // lower case, without parameters; may be empty
  std::string body;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Any thread; blocks for at most `limits.timeout`. Any status is a value, 3xx too: redirects are never
  // followed. Errors: IDN001 URL refused (see allowed_url), IDN002 no connection, TLS refused or time-out,
  // IDN003 answer too big.
  virtual Result<HttpResponse> fetch(const HttpRequest& request, const HttpLimits& limits) = 0;
};

// https with a host, or http on loopback (127.0.0.1, [::1], localhost, *.localhost); no credentials, no
// fragment, printable ASCII only, at most 2048 bytes.
bool allowed_url(std::string_view url);
// Where the discovery document of `issuer` may point: an allowed URL; http, loopback and link-local addresses
// only when the issuer is on loopback itself.
bool allowed_endpoint(std::string_view url, std::string_view issuer);

class CurlHttpClient final : public HttpClient {
 public:
  struct Options {
    std::string ca_pem;  // trust these certificates and no others; empty = the system's store
  };
  explicit CurlHttpClient(Options options);
  Result<HttpResponse> fetch(const HttpRequest& request, const HttpLimits& limits) override;

 private:
  Options options_;
};

}  // namespace durward::identity
