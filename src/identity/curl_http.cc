#include <curl/curl.h>

#include <mutex>

#include "base/text.h"
#include "identity/http.h"

namespace durward::identity {
namespace {

constexpr std::size_t header_bytes_max = 64U << 10;
constexpr long connect_timeout_ms = 5'000;

struct CurlDelete {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListDelete {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, CurlDelete>;
using List = std::unique_ptr<curl_slist, ListDelete>;

struct Received {
  std::string body;
  std::size_t header_bytes = 0;
  std::size_t body_bytes_max = 0;
  bool too_big = false;
};

std::size_t on_body(const char* data, std::size_t size, std::size_t count, void* user) {
  auto& received = *static_cast<Received*>(user);
  const std::size_t bytes = size * count;
  if (received.body.size() + bytes > received.body_bytes_max) {
    received.too_big = true;
    return CURL_WRITEFUNC_ERROR;
  }
  received.body.append(data, bytes);
  return bytes;
}

std::size_t on_header(const char*, std::size_t size, std::size_t count, void* user) {
  auto& received = *static_cast<Received*>(user);
  received.header_bytes += size * count;
  if (received.header_bytes > header_bytes_max) {
    received.too_big = true;
    return 0;
  }
  return size * count;
}

void start_curl_once() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

// The header lines as curl wants them. Names and values are ours; a line break in one would be ours too, and
// is refused.
Result<List> header_list(const HttpRequest& request) {
  List list;
  for (const auto& [name, value] : request.headers) {
    const std::string line = name + ": " + value;
    if (line.find_first_of("\r\n") != std::string::npos) return fail("IDN001", "a header has a line break");
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return fail("IDN002", "out of memory");
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

// Only what can be heard of by name: one exchange, no cookies, no redirect, no decompression, verified TLS.
void set_rules(CURL* handle, const HttpLimits& limits) {
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(limits.timeout.count()));
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                   std::min(connect_timeout_ms, static_cast<long>(limits.timeout.count())));
  curl_easy_setopt(handle, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(limits.body_bytes_max));
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "durward");
}

std::string content_type(CURL* handle) {
  const char* type = nullptr;
  curl_easy_getinfo(handle, CURLINFO_CONTENT_TYPE, &type);
  if (type == nullptr) return {};
  std::string text = lower_ascii(type);
  text.resize(std::min(text.find_first_of("; \t"), text.size()));
  return text;
}

}  // namespace

CurlHttpClient::CurlHttpClient(Options options) : options_(std::move(options)) {
  start_curl_once();
}

Result<HttpResponse> CurlHttpClient::fetch(const HttpRequest& request, const HttpLimits& limits) {
  if (!allowed_url(request.url)) {
    return fail("IDN001", "the URL is refused", "only https, or http on loopback, without credentials");
  }
  const Handle handle(curl_easy_init());
  if (handle == nullptr) return fail("IDN002", "out of memory");
  auto headers = header_list(request);
  if (!headers) return tl::unexpected(headers.error());
  Received received;
  received.body_bytes_max = limits.body_bytes_max;
  char reason[CURL_ERROR_SIZE] = "";
  set_rules(handle.get(), limits);
  curl_easy_setopt(handle.get(), CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers->get());
  curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &received);
  curl_easy_setopt(handle.get(), CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(handle.get(), CURLOPT_HEADERDATA, &received);
  if (request.method == "POST") {
    curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDS, request.body.c_str());
  } else if (request.method != "GET") {
    return fail("IDN001", "only GET and POST are known");
  }
  if (!options_.ca_pem.empty()) {
    curl_blob blob{const_cast<char*>(options_.ca_pem.data()), options_.ca_pem.size(), CURL_BLOB_COPY};
    curl_easy_setopt(handle.get(), CURLOPT_CAINFO_BLOB, &blob);
    curl_easy_setopt(handle.get(), CURLOPT_CAPATH, nullptr);  // these certificates and no others
  }
  const CURLcode outcome = curl_easy_perform(handle.get());
  if (received.too_big || outcome == CURLE_FILESIZE_EXCEEDED) {
    return fail("IDN003", "the answer is too big");
  }
  if (outcome != CURLE_OK) {
    return fail("IDN002",
                std::string("no answer: ") + (*reason != '\0' ? reason : curl_easy_strerror(outcome)));
  }
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  return HttpResponse{static_cast<int>(status), content_type(handle.get()), std::move(received.body)};
}

}  // namespace durward::identity
