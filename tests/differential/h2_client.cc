#include "h2_client.h"

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include <cstdlib>

namespace durward::differential {
namespace {

constexpr unsigned char protocols[] = {2, 'h', '2'};
constexpr std::size_t chunk_bytes = 16'384;

// NOLINTNEXTLINE: the library takes what it does not change as mutable
std::uint8_t* bytes_of(const std::string& text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

nghttp2_nv field(const std::string& name, const std::string& value) {
  return {bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

std::string text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

struct H2Client::Connection {
  ~Connection() {
    nghttp2_session_del(session);
    SSL_free(tls);
    SSL_CTX_free(context);
  }

  bool open(std::uint16_t port, const std::string& sni) {
    fd = sys::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = testing::loopback(port);
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const timeval patience{10, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return false;
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_alpn_protos(context, protocols, sizeof(protocols));
    tls = SSL_new(context);
    SSL_set_fd(tls, fd.get());
    if (!sni.empty()) SSL_set_tlsext_host_name(tls, sni.c_str());
    if (SSL_connect(tls) != 1) return false;
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(tls, &chosen, &size);
    return size == 2 && begin();
  }

  std::optional<testing::RawResponse> ask(const H2Request& request) {
    answer = {};
    closed.reset();
    const std::string scheme = "https";
    const std::string names[] = {":method", ":scheme", ":authority", ":path"};
    std::vector<nghttp2_nv> fields{field(names[0], request.method), field(names[1], scheme),
                                   field(names[2], request.authority), field(names[3], request.path)};
    for (const auto& [name, value] : request.fields) fields.push_back(field(name, value));
    stream = nghttp2_submit_request(session, nullptr, fields.data(), fields.size(), nullptr, nullptr);
    if (stream < 0) return std::nullopt;
    while (!closed && pump()) {
    }
    if (!closed || *closed != NGHTTP2_NO_ERROR || answer.status == 0) return std::nullopt;
    return std::move(answer);
  }
  bool usable() const {
    return session != nullptr && !broken && nghttp2_session_check_request_allowed(session) != 0;
  }

 private:
  bool begin() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks,
        [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
           const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
          auto& own = *static_cast<Connection*>(self);
          if (frame->hd.stream_id == own.stream)
            own.take_field(text_of(name, name_size), text_of(value, value_size));
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                      std::size_t size, void* self) {
          auto& own = *static_cast<Connection*>(self);
          if (id == own.stream) own.answer.body += text_of(data, size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t error, void* self) {
          auto& own = *static_cast<Connection*>(self);
          if (id == own.stream) own.closed = error;
          return 0;
        });
    const int made = nghttp2_session_client_new(&session, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    return made == 0 && nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0) == 0;
  }

  void take_field(const std::string& name, std::string value) {
    if (name == ":status")
      answer.status = std::atoi(value.c_str());
    else
      answer.headers[name] = std::move(value);
  }

  // Sends what is to be sent, then takes what comes. False when the connection is of no further use.
  bool pump() {
    for (;;) {
      const std::uint8_t* data = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session, &data);
      if (size < 0) return fail();
      if (size == 0) break;
      if (SSL_write(tls, data, static_cast<int>(size)) != static_cast<int>(size)) return fail();
    }
    if (closed) return true;
    std::uint8_t chunk[chunk_bytes];
    const int got = SSL_read(tls, chunk, sizeof(chunk));
    if (got <= 0) return fail();
    return nghttp2_session_mem_recv(session, chunk, static_cast<std::size_t>(got)) >= 0 || fail();
  }
  bool fail() {
    broken = true;
    return false;
  }

  sys::Fd fd;
  SSL_CTX* context = nullptr;
  SSL* tls = nullptr;
  nghttp2_session* session = nullptr;
  std::int32_t stream = 0;
  testing::RawResponse answer;
  std::optional<std::uint32_t> closed;  // the stream, with this error
  bool broken = false;
};

H2Client::H2Client(std::uint16_t port, std::string sni) : port_(port), sni_(std::move(sni)) {}
H2Client::~H2Client() = default;

std::optional<testing::RawResponse> H2Client::ask(const H2Request& request) {
  if (connection_ && !connection_->usable()) connection_.reset();
  if (!connection_) {
    connection_ = std::make_unique<Connection>();
    if (!connection_->open(port_, sni_)) {
      connection_.reset();
      return std::nullopt;
    }
  }
  return connection_->ask(request);
}

}  // namespace durward::differential
