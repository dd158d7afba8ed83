#include "live_upstream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <queue>
#include <unordered_map>

#include "base/text.h"
#include "process_meter.h"
#include "testing/raw_http.h"

namespace durward::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int look_around_ms = 20;
constexpr std::string_view plain_answer = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n";
constexpr std::string_view events_answer =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
constexpr std::string_view event_chunk = "9\r\ndata: 1\n\n\r\n";
constexpr std::string_view last_chunk = "0\r\n\r\n";
// Of the one key that the bench's clients send (RFC 6455, 1.3, has both).
constexpr std::string_view socket_answer =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

}  // namespace

struct LiveUpstream::Peer {
  sys::Fd fd{};
  std::string unread{};
  bool tunnel = false;
  unsigned ticks_left = 0;
  milliseconds every{};
  std::uint64_t serial = 0;  // descriptors are used again
};

// One thread's work.
struct LiveUpstream::Loop {
  struct Tick {
    steady_clock::time_point at;
    int fd;
    std::uint64_t serial;
    bool operator>(const Tick& other) const { return at > other.at; }
  };
  sys::Fd poll{::epoll_create1(EPOLL_CLOEXEC)};
  std::unordered_map<int, Peer> peers;
  std::priority_queue<Tick, std::vector<Tick>, std::greater<>> ticks;
  std::uint64_t accepted = 0, short_bodies = 0;

  void watch(int fd) const {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, fd, &event);
  }

  void accept(int listener) {
    for (;;) {
      sys::Fd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd) return;
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(fd.get());
      const int number = fd.get();
      peers[number] = {.fd = std::move(fd), .serial = ++accepted};
    }
  }

  static bool send(const Peer& peer, std::string_view bytes) {
    return ::send(peer.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  // False: the peer is done with.
  bool read(Peer& peer) {
    std::array<char, 65'536> chunk;
    const ssize_t got = ::recv(peer.fd.get(), chunk.data(), chunk.size(), 0);
    if (got <= 0) {
      const bool later = got < 0 && (errno == EAGAIN || errno == EINTR);
      short_bodies += !later && peer.unread.find("\r\n\r\n") != std::string::npos ? 1 : 0;
      return later;
    }
    if (peer.tunnel) return true;
    peer.unread.append(chunk.data(), static_cast<std::size_t>(got));
    for (;;) {
      const auto end = peer.unread.find("\r\n\r\n");
      if (end == std::string::npos) return true;
      const std::string head = lower_ascii(peer.unread.substr(0, end));
      const auto length = head.find("\r\ncontent-length: ");
      const std::size_t body =
          length == std::string::npos ? 0 : std::strtoul(head.c_str() + length + 18, nullptr, 10);
      if (peer.unread.size() < end + 4 + body) return true;
      const std::string path = peer.unread.substr(0, peer.unread.find('\r'));
      peer.unread.erase(0, end + 4 + body);
      if (!answer(peer, path)) return false;
    }
  }

  bool answer(Peer& peer, const std::string& line) {
    if (line.starts_with("GET /socket ")) {
      peer.tunnel = true;
      return send(peer, socket_answer);
    }
    unsigned count = 0, every = 0;
    if (std::sscanf(line.c_str(), "GET /events/%u/%u ", &count, &every) != 2) return send(peer, plain_answer);
    peer.ticks_left = count;
    peer.every = milliseconds(every);
    ticks.push({steady_clock::now() + peer.every, peer.fd.get(), peer.serial});
    return send(peer, events_answer);
  }

  void tick() {
    const auto now = steady_clock::now();
    while (!ticks.empty() && ticks.top().at <= now) {
      const Tick due = ticks.top();
      ticks.pop();
      const auto found = peers.find(due.fd);
      if (found == peers.end() || found->second.serial != due.serial) continue;
      Peer& peer = found->second;
      const bool last = --peer.ticks_left == 0;
      const bool sent = send(peer, event_chunk) && (!last || send(peer, last_chunk));
      if (!sent)
        peers.erase(found);
      else if (!last)
        ticks.push({due.at + peer.every, due.fd, due.serial});
    }
  }
};

LiveUpstream::LiveUpstream() : listener_(testing::listen_anywhere(port_)) {
  ::listen(listener_.get(), SOMAXCONN);
  ::fcntl(listener_.get(), F_SETFL, O_NONBLOCK);
  thread_ = std::thread([this] { serve(); });
}

LiveUpstream::~LiveUpstream() {
  stopping_ = true;
  thread_.join();
}

void LiveUpstream::serve() {
  step_back();
  Loop loop;
  loop.watch(listener_.get());
  std::array<epoll_event, 256> events{};
  while (!stopping_) {
    const int ready =
        ::epoll_wait(loop.poll.get(), events.data(), static_cast<int>(events.size()), look_around_ms);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener_.get()) {
        loop.accept(fd);
        continue;
      }
      const auto found = loop.peers.find(fd);
      if (found != loop.peers.end() && !loop.read(found->second)) loop.peers.erase(found);
    }
    loop.tick();
    short_bodies_ = loop.short_bodies;
  }
}

}  // namespace durward::bench
