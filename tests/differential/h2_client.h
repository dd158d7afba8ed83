// HTTP/2 over TLS, for tests that must send exact pseudo-headers and fields: one connection, one request at a
// time, the name in the TLS handshake chosen by the caller. IPv4 loopback only; certificates are not
// verified.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "testing/raw_http.h"

namespace durward::differential {

struct H2Request {
  std::string method, authority, path;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
};

// Opened when needed and kept for as long as the server keeps it. Not thread-safe.
class H2Client {
 public:
  H2Client(std::uint16_t port, std::string sni);  // sni "" = none is sent
  ~H2Client();
  H2Client(const H2Client&) = delete;
  H2Client& operator=(const H2Client&) = delete;

  // Nothing when the stream was reset, or the connection failed or ended; the next call may open another.
  std::optional<testing::RawResponse> ask(const H2Request& request);

 private:
  struct Connection;
  std::uint16_t port_;
  std::string sni_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace durward::differential
