#include "tls_client.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <array>

#include "testing/raw_http.h"

namespace durward::bench {
namespace {

constexpr unsigned char alpn_h2[] = "\x02h2";
constexpr unsigned char alpn_h1[] = "\x08http/1.1";
constexpr timeval patience{20, 0};

SSL_CTX* context() {
  static SSL_CTX* const made = [] {
    SSL_CTX* ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(
        ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    return ctx;
  }();
  return made;
}

bool try_later(const SSL* ssl, int result) {
  const int error = SSL_get_error(ssl, result);
  ERR_clear_error();
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

}  // namespace

Result<TlsClient> TlsClient::open(std::uint16_t port, const std::string& host, bool http2) {
  TlsClient out;
  out.fd_ = sys::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = testing::loopback(port);
  const int on = 1;
  ::setsockopt(out.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(out.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(out.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail("BEN050", "HAProxy is not reachable: " + sys::error_text(errno));
  out.ssl_.reset(SSL_new(context()));
  SSL_set_fd(out.ssl_.get(), out.fd());
  SSL_set_tlsext_host_name(out.ssl_.get(), host.c_str());
  if (http2)
    SSL_set_alpn_protos(out.ssl_.get(), alpn_h2, sizeof alpn_h2 - 1);
  else
    SSL_set_alpn_protos(out.ssl_.get(), alpn_h1, sizeof alpn_h1 - 1);
  if (SSL_connect(out.ssl_.get()) != 1) {
    ERR_clear_error();
    return fail("BEN051", "no TLS handshake with HAProxy");
  }
  const unsigned char* chosen = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(out.ssl_.get(), &chosen, &length);
  if (http2 != (length == 2)) return fail("BEN051", "HAProxy speaks another protocol than was asked for");
  ::fcntl(out.fd(), F_SETFL, O_NONBLOCK);
  return out;
}

bool TlsClient::send(std::string_view bytes) {
  unsent_ += bytes;
  while (!unsent_.empty()) {
    const int done = SSL_write(ssl_.get(), unsent_.data(), static_cast<int>(unsent_.size()));
    if (done <= 0) return try_later(ssl_.get(), done);
    unsent_.erase(0, static_cast<std::size_t>(done));
  }
  return true;
}

bool TlsClient::receive(std::string& into) {
  std::array<char, 16'384> chunk;
  for (;;) {
    const int got = SSL_read(ssl_.get(), chunk.data(), static_cast<int>(chunk.size()));
    if (got <= 0) return try_later(ssl_.get(), got);
    into.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace durward::bench
