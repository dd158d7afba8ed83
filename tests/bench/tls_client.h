// One TLS connection to HAProxy on loopback that never blocks once it is open. Certificates are not looked
// at.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/fd.h"

namespace durward::bench {

class TlsClient {
 public:
  // Errors: BEN050 not reachable, BEN051 no handshake, or not the protocol that was asked for.
  static Result<TlsClient> open(std::uint16_t port, const std::string& host, bool http2);

  int fd() const { return fd_.get(); }
  // What the kernel does not take now goes with a later send() or flush(). False: the connection is gone.
  bool send(std::string_view bytes);
  bool flush() { return send({}); }
  bool sending() const { return !unsent_.empty(); }
  // Appends all there is. False: the other end has closed, or worse.
  bool receive(std::string& into);

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  sys::Fd fd_;
  std::unique_ptr<SSL, Free> ssl_;
  std::string unsent_;
};

}  // namespace durward::bench
