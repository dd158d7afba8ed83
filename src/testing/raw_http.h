// HTTP/1.1 on plain sockets, for tests that must send exact bytes: a keep-alive client, and an upstream that
// answers 200 and counts. IPv4 loopback only.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/text.h"
#include "sys/fd.h"

namespace durward::testing {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  out.sin_port = htons(port);
  return out;
}

// A listening socket on a port of the kernel's choice.
inline sys::Fd listen_anywhere(std::uint16_t& port) {
  sys::Fd out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  ::bind(out.get(), reinterpret_cast<const sockaddr*>(&address), size);
  ::listen(out.get(), 128);
  ::getsockname(out.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return out;
}

// Free when asked; nobody else on this machine is expected to take it before the caller does.
inline std::uint16_t free_port() {
  std::uint16_t port = 0;
  listen_anywhere(port);
  return port;
}

struct RawResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// One connection, opened when needed and kept for as long as the server keeps it. Not thread-safe.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : port_(port) {}

  // Nothing when the connection failed or ended early; the next call opens another.
  std::optional<RawResponse> ask(const std::string& request, bool head = false) {
    if (!fd_ && !connect()) return std::nullopt;
    if (!send_all(request)) return drop();
    const auto end = read_until_end_of_head();
    if (end == std::string::npos) return drop();
    RawResponse out = parse_head(buffer_.substr(0, end));
    buffer_.erase(0, end + 4);
    const auto length = out.headers.find("content-length");
    const std::size_t body =
        head || length == out.headers.end() ? 0 : std::strtoul(length->second.c_str(), nullptr, 10);
    while (buffer_.size() < body)
      if (!read_some()) return drop();
    out.body = buffer_.substr(0, body);
    buffer_.erase(0, body);
    const auto connection = out.headers.find("connection");
    if (!head && connection != out.headers.end() && connection->second == "close") close();
    return out;
  }
  // Without asking anything yet.
  bool open() { return fd_ || connect(); }
  void close() {
    fd_.reset();
    buffer_.clear();
  }
  // True when the server has closed the connection within the time.
  bool closed_within(std::chrono::milliseconds time) {
    const auto deadline = sys::deadline_in(time);
    char chunk[16384];
    while (sys::time_left(deadline).count() > 0) {
      pollfd fd{fd_.get(), POLLIN, 0};
      const bool ready = ::poll(&fd, 1, static_cast<int>(sys::time_left(deadline).count())) == 1;
      if (ready && ::recv(fd_.get(), chunk, sizeof(chunk), 0) <= 0) return true;
    }
    return false;
  }

 private:
  std::optional<RawResponse> drop() {
    close();
    return std::nullopt;
  }
  bool connect() {
    fd_ = sys::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(port_);
    const int on = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const timeval patience{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return true;
    fd_.reset();
    return false;
  }
  bool send_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  bool read_some() {
    char chunk[16384];
    const ssize_t got = ::recv(fd_.get(), chunk, sizeof(chunk), 0);
    if (got <= 0) return false;
    buffer_.append(chunk, static_cast<std::size_t>(got));
    return true;
  }
  std::size_t read_until_end_of_head() {
    for (;;) {
      const auto end = buffer_.find("\r\n\r\n");
      if (end != std::string::npos || !read_some()) return end;
    }
  }
  static RawResponse parse_head(const std::string& head) {
    RawResponse out;
    const auto lines = split(head, '\n');
    if (lines.front().size() > 12) out.status = std::atoi(lines.front().c_str() + 9);
    for (std::size_t i = 1; i < lines.size(); ++i) {
      const auto colon = lines[i].find(':');
      if (colon == std::string::npos) continue;
      std::string value = lines[i].substr(std::min(colon + 2, lines[i].size()));
      if (value.ends_with('\r')) value.pop_back();
      out.headers[lower_ascii(lines[i].substr(0, colon))] = value;
    }
    return out;
  }

  std::uint16_t port_;
  sys::Fd fd_;
  std::string buffer_;
};

// Answers every request without body with an empty 200, but /endless with one that never ends. One thread.
class CountingUpstream {
 public:
  CountingUpstream() : listener_(listen_anywhere(port_)), thread_([this] { serve(); }) {}
  ~CountingUpstream() {
    stopping_ = true;
    thread_.join();
  }
  CountingUpstream(const CountingUpstream&) = delete;
  CountingUpstream& operator=(const CountingUpstream&) = delete;

  std::uint16_t port() const { return port_; }
  std::uint64_t requests() const { return requests_; }

 private:
  struct Peer {
    sys::Fd fd;
    std::string bytes;
  };

  void serve() {
    std::vector<Peer> peers;
    while (!stopping_) {
      std::vector<pollfd> fds{{listener_.get(), POLLIN, 0}};
      for (const auto& peer : peers) fds.push_back({peer.fd.get(), POLLIN, 0});
      constexpr int tick_ms = 50;
      if (::poll(fds.data(), fds.size(), tick_ms) <= 0) continue;
      for (std::size_t i = peers.size(); i-- > 0;)
        if (fds[i + 1].revents != 0 && !answer(peers[i]))
          peers.erase(peers.begin() + static_cast<std::ptrdiff_t>(i));
      if (fds[0].revents == 0) continue;
      sys::Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      if (fd) peers.push_back({std::move(fd), ""});
    }
  }
  bool answer(Peer& peer) {
    char chunk[16384];
    const ssize_t got = ::recv(peer.fd.get(), chunk, sizeof(chunk), 0);
    if (got <= 0) return false;
    peer.bytes.append(chunk, static_cast<std::size_t>(got));
    for (auto end = peer.bytes.find("\r\n\r\n"); end != std::string::npos;
         end = peer.bytes.find("\r\n\r\n")) {
      const bool endless = peer.bytes.find("/endless ") < end;
      peer.bytes.erase(0, end + 4);
      ++requests_;
      const std::string_view ok = endless ? "HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\nonly this"
                                          : "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
      if (::send(peer.fd.get(), ok.data(), ok.size(), MSG_NOSIGNAL) <= 0) return false;
    }
    return true;
  }

  std::uint16_t port_ = 0;
  sys::Fd listener_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> requests_ = 0;
  std::thread thread_;
};

}  // namespace durward::testing
