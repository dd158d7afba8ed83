// HTTP/2 over TLS, as little of it as load needs: headers are spelt out without compression's tables, and of
// an answer's headers only the status is read, which HAProxy writes as one byte.
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>

#include <array>
#include <map>
#include <vector>

#include "http2_frames.h"
#include "load.h"
#include "testing/raw_http.h"
#include "upstream.h"

namespace durward::bench {
namespace {

constexpr int patience_ms = 10'000;
constexpr std::uint32_t window_extra = 1U << 30;  // granted at once, and again when half of it is used
constexpr char status_200 = static_cast<char>(0x88);
using namespace http2;

void append_number(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

void append_frame(std::string& out, FrameType type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload) {
  const auto size = static_cast<std::uint32_t>(payload.size());
  append_number(out, size << 8 | type);  // three bytes of length, one of type
  out += static_cast<char>(flags);
  append_number(out, stream);
  out += payload;
}

// An HPACK string without Huffman coding.
void append_text(std::string& out, std::string_view text) {
  constexpr std::size_t in_first = 127;
  if (text.size() < in_first) {
    out += static_cast<char>(text.size());
  } else {
    out += static_cast<char>(in_first);
    std::size_t rest = text.size() - in_first;
    for (; rest >= 128; rest >>= 7) out += static_cast<char>((rest & 0x7f) | 0x80);
    out += static_cast<char>(rest);
  }
  out += text;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += '\0';  // a literal that is not to be remembered
  append_text(out, name);
  append_text(out, value);
}

std::string header_block(const Ask& ask) {
  std::string out = "\x82\x87";  // :method GET, :scheme https
  append_field(out, ":path", ask.path);
  append_field(out, ":authority", ask.host);
  for (const auto& [name, value] : browser_headers) append_field(out, name, value);
  append_field(out, "cookie", cookie_of(ask));
  return out;
}

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

struct Stream {
  std::string expected{};
  std::string body{};
  bool ok = false;
};

struct Connection {
  sys::Fd fd{};
  std::unique_ptr<SSL, FreeSsl> ssl{};
  std::string out{}, in{};
  std::map<std::uint32_t, Stream> streams{};
  std::uint32_t next_stream = 1;
  std::uint32_t consumed = 0;
};

class Http2 final : public Load {
 public:
  Http2(std::uint16_t port, unsigned connections, unsigned streams)
      : port_(port), streams_(streams), connections_(connections) {}

  Status run(std::size_t requests, const Draw& draw, bool identified) override {
    if (auto opened = open(); !opened) return opened;
    to_ask_ = requests;
    to_come_ = requests;
    for (auto& connection : connections_)
      if (auto asked = fill(connection, draw, identified); !asked) return asked;
    std::array<epoll_event, 256> events{};
    while (to_come_ > 0) {
      const int ready =
          ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), patience_ms);
      if (ready <= 0) return fail("BEN022", fmt::format("{} requests got no answer", to_come_));
      for (int i = 0; i < ready; ++i) {
        auto& connection = connections_[events[static_cast<std::size_t>(i)].data.u32];
        if (auto read = take(connection); !read) return read;
        if (auto asked = fill(connection, draw, identified); !asked) return asked;
      }
    }
    return {};
  }

 private:
  Status open() {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    static constexpr unsigned char protocols[] = "\x02h2";
    SSL_CTX_set_alpn_protos(context_.get(), protocols, sizeof protocols - 1);
    poll_ = sys::Fd(::epoll_create1(EPOLL_CLOEXEC));
    for (std::uint32_t i = 0; i < connections_.size(); ++i) {
      connections_[i] = {};
      if (auto connected = connect(connections_[i]); !connected) return connected;
      epoll_event event{.events = EPOLLIN, .data = {.u32 = i}};
      ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, connections_[i].fd.get(), &event);
    }
    return {};
  }

  Status connect(Connection& connection) const {
    connection.fd = sys::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = testing::loopback(port_);
    if (::connect(connection.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return fail("BEN020", "no connection to HAProxy");
    const int on = 1;
    ::setsockopt(connection.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection.ssl.reset(SSL_new(context_.get()));
    SSL_set_fd(connection.ssl.get(), connection.fd.get());
    if (SSL_connect(connection.ssl.get()) != 1) return fail("BEN020", "no TLS with HAProxy");
    const int flags = ::fcntl(connection.fd.get(), F_GETFL);
    ::fcntl(connection.fd.get(), F_SETFL, flags | O_NONBLOCK);
    connection.out = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    append_frame(connection.out, settings, 0, 0, "");
    grant(connection, window_extra);
    return flush(connection);
  }

  static void grant(Connection& connection, std::uint32_t bytes) {
    std::string payload;
    append_number(payload, bytes);
    append_frame(connection.out, window, 0, 0, payload);
  }

  Status fill(Connection& connection, const Draw& draw, bool identified) {
    for (; to_ask_ > 0 && connection.streams.size() < streams_; --to_ask_) {
      const Ask what = draw();
      append_frame(connection.out, headers, end_stream | end_headers, connection.next_stream,
                   header_block(what));
      connection.streams[connection.next_stream] = {answer_body(identified ? what.user : "-", identified), "",
                                                    false};
      connection.next_stream += 2;
    }
    return flush(connection);
  }

  // What is asked at once is small: a socket that does not take it is a failure.
  static Status flush(Connection& connection) {
    if (connection.out.empty()) return {};
    const int size = static_cast<int>(connection.out.size());
    if (SSL_write(connection.ssl.get(), connection.out.data(), size) != size)
      return fail("BEN020", "HAProxy does not read what it is sent");
    connection.out.clear();
    return {};
  }

  Status take(Connection& connection) {
    std::array<char, 16'384> chunk;
    int got = 0;
    while ((got = SSL_read(connection.ssl.get(), chunk.data(), static_cast<int>(chunk.size()))) > 0)
      connection.in.append(chunk.data(), static_cast<std::size_t>(got));
    if (SSL_get_error(connection.ssl.get(), got) != SSL_ERROR_WANT_READ)
      return fail("BEN022", "HAProxy closed a connection");
    std::size_t from = 0;
    while (connection.in.size() - from >= frame_head_bytes) {
      const auto* head = reinterpret_cast<const unsigned char*>(connection.in.data()) + from;
      const std::size_t size =
          static_cast<std::size_t>(head[0]) << 16 | static_cast<std::size_t>(head[1]) << 8 | head[2];
      if (connection.in.size() - from < frame_head_bytes + size) break;
      const std::uint32_t stream = (head[5] & 0x7fU) << 24 | head[6] * 65'536U | head[7] * 256U | head[8];
      const std::string_view payload(connection.in.data() + from + frame_head_bytes, size);
      if (auto done = on_frame(connection, head[3], head[4], stream, payload); !done) return done;
      from += frame_head_bytes + size;
    }
    connection.in.erase(0, from);
    return {};
  }

  Status on_frame(Connection& connection, std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload) {
    if ((type == settings || type == ping) && (flags & ack) == 0) {
      append_frame(connection.out, static_cast<FrameType>(type), ack, 0, type == ping ? payload : "");
      return {};
    }
    if (type == goaway || type == reset)
      return fail("BEN021",
                  fmt::format("HAProxy ended {} of HTTP/2", type == goaway ? "a connection" : "a stream"));
    if (type != data && type != headers) return {};
    const auto found = connection.streams.find(stream);
    if (found == connection.streams.end()) return fail("BEN021", "an answer to nothing that was asked");
    if (type == headers) found->second.ok = !payload.empty() && payload.front() == status_200;
    if (type == data) {
      found->second.body += payload;
      connection.consumed += static_cast<std::uint32_t>(payload.size());
      if (connection.consumed > window_extra / 2) grant(connection, std::exchange(connection.consumed, 0));
    }
    if ((flags & end_stream) == 0) return {};
    if (!found->second.ok || found->second.body != found->second.expected)
      return fail("BEN021",
                  fmt::format("an answer that was not expected: {} '{:.300}'",
                              found->second.ok ? "200" : "not 200", found->second.body),
                  fmt::format("expected 200 with '{}'", found->second.expected));
    connection.streams.erase(found);
    --to_come_;
    return {};
  }

  std::uint16_t port_;
  unsigned streams_;
  std::unique_ptr<SSL_CTX, FreeContext> context_;
  sys::Fd poll_;
  std::vector<Connection> connections_;
  std::size_t to_ask_ = 0, to_come_ = 0;
};

}  // namespace

std::unique_ptr<Load> http2_load(std::uint16_t port, unsigned connections, unsigned streams) {
  return std::make_unique<Http2>(port, connections, streams);
}

}  // namespace durward::bench
