#include "load.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <array>
#include <vector>

#include "testing/raw_http.h"
#include "upstream.h"

namespace durward::bench {
namespace {

constexpr int patience_ms = 10'000;

class Http1 final : public Load {
 public:
  Http1(std::uint16_t port, unsigned connections) : port_(port), connections_(connections) {}

  Status run(std::size_t requests, const Draw& draw, bool identified) override {
    if (auto opened = open(); !opened) return opened;
    to_ask_ = requests;
    to_come_ = requests;
    for (auto& connection : connections_)
      if (auto asked = ask(connection, draw, identified); !asked) return asked;
    std::array<epoll_event, 256> events{};
    while (to_come_ > 0) {
      const int ready =
          ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), patience_ms);
      if (ready <= 0) return fail("BEN022", fmt::format("{} requests got no answer", to_come_));
      for (int i = 0; i < ready; ++i) {
        auto& connection = connections_[events[static_cast<std::size_t>(i)].data.u32];
        if (auto answered = take(connection); !answered) return answered;
        if (!connection.waiting)
          if (auto asked = ask(connection, draw, identified); !asked) return asked;
      }
    }
    return {};
  }

 private:
  struct Connection {
    sys::Fd fd{};
    bool waiting = false;
    std::string expected{};
    std::string got{};
  };

  Status open() {
    poll_ = sys::Fd(::epoll_create1(EPOLL_CLOEXEC));
    for (std::uint32_t i = 0; i < connections_.size(); ++i) {
      connections_[i] = {};
      auto& fd = connections_[i].fd;
      fd = sys::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const auto address = testing::loopback(port_);
      if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail("BEN020", "no connection to HAProxy");
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_event event{.events = EPOLLIN, .data = {.u32 = i}};
      ::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd.get(), &event);
    }
    return {};
  }

  Status ask(Connection& connection, const Draw& draw, bool identified) {
    if (to_ask_ == 0) return {};
    --to_ask_;
    const Ask what = draw();
    request_.clear();
    fmt::format_to(std::back_inserter(request_), "GET {} HTTP/1.1\r\nhost: {}\r\n", what.path, what.host);
    for (const auto& [name, value] : browser_headers)
      fmt::format_to(std::back_inserter(request_), "{}: {}\r\n", name, value);
    fmt::format_to(std::back_inserter(request_), "cookie: {}\r\n\r\n", cookie_of(what));
    connection.expected = answer_body(identified ? what.user : "-", identified);
    connection.waiting = true;
    const auto sent = ::send(connection.fd.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(request_.size())) return fail("BEN020", "HAProxy closed a connection");
    return {};
  }

  Status take(Connection& connection) {
    std::array<char, 16'384> chunk;
    const ssize_t got = ::recv(connection.fd.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (got <= 0) return fail("BEN022", "HAProxy closed a connection");
    connection.got.append(chunk.data(), static_cast<std::size_t>(got));
    const auto end = connection.got.find("\r\n\r\n");
    if (end == std::string::npos || connection.got.size() < end + 4 + answer_bytes) {
      if (end != std::string::npos && !connection.got.starts_with("HTTP/1.1 200 ")) return wrong(connection);
      return {};
    }
    if (!connection.waiting || !connection.got.starts_with("HTTP/1.1 200 ") ||
        std::string_view(connection.got).substr(end + 4) != connection.expected)
      return wrong(connection);
    connection.got.clear();
    connection.waiting = false;
    --to_come_;
    return {};
  }

  static Status wrong(const Connection& connection) {
    return fail("BEN021", fmt::format("an answer that was not expected: {:.400}", connection.got),
                fmt::format("expected 200 with '{}'", connection.expected));
  }

  std::uint16_t port_;
  sys::Fd poll_;
  std::vector<Connection> connections_;
  std::size_t to_ask_ = 0, to_come_ = 0;
  std::string request_;
};

}  // namespace

std::string cookie_of(const Ask& ask) {
  return fmt::format("__Host-durward={}; theme=dark", ask.token);
}

std::unique_ptr<Load> http1_load(std::uint16_t port, unsigned connections) {
  return std::make_unique<Http1>(port, connections);
}

}  // namespace durward::bench
