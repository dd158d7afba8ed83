#include <fmt/format.h>

#include <cstdlib>

#include "base/text.h"
#include "exchange.h"

namespace durward::bench {
namespace {

class Http1 final : public Connection {
 public:
  Http1(TlsClient tls, std::string host, std::uint16_t port)
      : tls_(std::move(tls)), host_(std::move(host)), port_(port) {}

  int fd() const override { return tls_.fd(); }
  bool may_ask() const override { return !gone_ && !busy_ && !closing_; }
  bool gone() const override { return gone_; }
  bool leaving() const override { return closing_; }
  std::size_t open() const override { return busy_ ? 1 : 0; }

  std::uint32_t ask(const Request& request) override {
    std::string text =
        fmt::format("{} {} HTTP/1.1\r\nhost: {}:{}\r\naccept: */*\r\ncookie: __Host-durward={}\r\n",
                    request.method, request.path, host_, port_, request.token);
    if (request.upgrade)
      text += fmt::format(
          "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
          "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\norigin: https://{}:{}\r\n",
          host_, port_);
    if (request.body_bytes > 0) text += fmt::format("content-length: {}\r\n", request.body_bytes);
    text += "\r\n";
    text.append(request.body_bytes, 'b');
    busy_ = true;
    head_done_ = false;
    if (!tls_.send(text)) broke_sending_ = true;
    return ++id_;
  }

  void pump(std::vector<Event>& out) override {
    if (gone_) return;
    const bool sent = tls_.flush() && !broke_sending_;
    const bool alive = tls_.receive(unread_);
    while (busy_ && take(out)) {
    }
    if (tunnel_) unread_.clear();
    if (alive && sent && !(closing_ && !busy_)) return;
    gone_ = true;
    if (busy_) out.push_back({Event::Kind::broken, id_, 0});
    busy_ = false;
  }

 private:
  // Steps through the answer as far as it has come.
  bool take(std::vector<Event>& out) {
    if (!head_done_) {
      const auto end = unread_.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      read_head(unread_.substr(0, end + 2));
      unread_.erase(0, end + 4);
      out.push_back({Event::Kind::answered, id_, status_});
    }
    if (tunnel_) return false;
    if (chunked_ ? !take_chunks() : unread_.size() < length_) return false;
    if (!chunked_) unread_.erase(0, length_);
    busy_ = false;
    out.push_back({Event::Kind::ended, id_, 0});
    return true;
  }

  void read_head(const std::string& head) {
    const std::string lower = lower_ascii(head);
    const auto value = [&](std::string_view name) {
      const auto at = lower.find(name);
      return at == std::string::npos
                 ? std::string()
                 : lower.substr(at + name.size(), lower.find('\r', at + 2) - at - name.size());
    };
    status_ = std::atoi(head.c_str() + 9);
    tunnel_ = status_ == 101;
    chunked_ = value("\r\ntransfer-encoding: ") == "chunked";
    length_ = std::strtoul(value("\r\ncontent-length: ").c_str(), nullptr, 10);
    closing_ = closing_ || value("\r\nconnection: ") == "close";
    head_done_ = true;
  }

  // True when the last chunk is there.
  bool take_chunks() {
    for (;;) {
      const auto line = unread_.find("\r\n");
      if (line == std::string::npos) return false;
      const std::size_t size = std::strtoul(unread_.c_str(), nullptr, 16);
      if (unread_.size() < line + 4 + size) return false;
      unread_.erase(0, line + 4 + size);
      if (size == 0) return true;
    }
  }

  TlsClient tls_;
  std::string host_;
  std::uint16_t port_;
  std::uint32_t id_ = 0;
  std::string unread_;
  std::size_t length_ = 0;
  int status_ = 0;
  bool busy_ = false, gone_ = false, closing_ = false, broke_sending_ = false;
  bool head_done_ = false, chunked_ = false, tunnel_ = false;
};

}  // namespace

Result<std::unique_ptr<Connection>> open_http1(std::uint16_t port, const std::string& host) {
  auto tls = TlsClient::open(port, host, false);
  if (!tls) return tl::unexpected(tls.error());
  return std::make_unique<Http1>(std::move(*tls), host, port);
}

}  // namespace durward::bench
