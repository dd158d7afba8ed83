// Load on a HAProxy: keep-alive connections, one request in flight on each (or on each stream of it), the
// next one drawn when the last is answered. Every answer is checked: 200, and the body that the upstream
// makes for the person who asked.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace durward::bench {

// One request, before a protocol spells it. The views live until the next draw.
struct Ask {
  std::string_view host, path, token, user;
};
using Draw = std::function<Ask()>;

// Headers beside host and cookie, as a browser's fetch() sends them.
struct Header {
  std::string_view name, value;  // names in lower case
};
inline constexpr Header browser_headers[] = {
    {"user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
    {"accept", "application/json"},
    {"accept-language", "en-GB,en;q=0.5"},
    {"accept-encoding", "gzip, deflate, br"},
    {"sec-fetch-mode", "cors"},
};
std::string cookie_of(const Ask& ask);  // the gateway's and one of the app's own

class Load {
 public:
  virtual ~Load() = default;
  // Asks so many requests, on new connections, and waits for their answers. `identified`: whether the
  // upstream is to be told who asks. Errors: BEN020 no connection, BEN021 another answer than expected,
  // BEN022 no answer.
  virtual Status run(std::size_t requests, const Draw& draw, bool identified) = 0;
};

std::unique_ptr<Load> http1_load(std::uint16_t port, unsigned connections);
// Over TLS, without naming a host: one connection asks for all of them.
std::unique_ptr<Load> http2_load(std::uint16_t port, unsigned connections, unsigned streams);

}  // namespace durward::bench
