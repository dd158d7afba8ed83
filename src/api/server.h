// HTTP/1.1 servers on Boost.Beast: sockets and time-outs here, meaning in the handler.
#pragma once

#include <memory>
#include <string>

#include "api/http.h"
#include "base/result.h"

namespace durward::api {

// Listens on a unix socket (mode 0600, replacing a stale one) or on ADDRESS:PORT. The handler runs on a pool
// of threads, so it may block and must be thread-safe. Errors: API001 cannot listen (names where and why).
class Server {
 public:
  struct Options {
    std::string unix_socket;  // or
    std::string address;      // "127.0.0.1:9090", "[::1]:9090"
    unsigned threads = 4;
    Handler handler;
  };
  static Result<std::unique_ptr<Server>> create(Options options);
  ~Server();  // stops accepting, ends what is open
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace durward::api
