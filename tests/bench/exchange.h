// Requests and answers as the live figures see them, over HTTP/1.1 and HTTP/2, on TLS connections that never
// block.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tls_client.h"

namespace durward::bench {

struct Request {
  std::string method = "GET", path, token;
  std::size_t body_bytes = 0;
  bool upgrade = false;  // to a WebSocket; HTTP/1.1 only
};

// What became known about an answer. `id` is what ask() returned.
struct Event {
  enum class Kind { answered, ended, broken };  // the head; the whole; cut off
  Kind kind = Kind::broken;
  std::uint32_t id = 0;
  int status = 0;  // of `answered`
};

class Connection {
 public:
  virtual ~Connection() = default;
  virtual int fd() const = 0;
  virtual bool may_ask() const = 0;  // false: busy, or leaving, or gone
  virtual bool gone() const = 0;
  virtual bool leaving() const = 0;      // the server takes nothing new on it
  virtual std::size_t open() const = 0;  // requests that wait for the rest of their answers
  virtual std::uint32_t ask(const Request& request) = 0;
  // Reads and writes what can be now. Answers that were open when the connection went are `broken`.
  virtual void pump(std::vector<Event>& out) = 0;
};

// One request at a time; may not ask again once the server said that it closes.
Result<std::unique_ptr<Connection>> open_http1(std::uint16_t port, const std::string& host);
// `streams` at a time; after a GOAWAY it finishes what is open.
Result<std::unique_ptr<Connection>> open_http2(std::uint16_t port, const std::string& host,
                                               std::size_t streams);

}  // namespace durward::bench
