#include "upstream.h"

#include <sys/epoll.h>

#include <array>
#include <map>

#include "testing/raw_http.h"

namespace durward::bench {
namespace {

constexpr int look_around_ms = 50;
constexpr std::string_view user_header = "\r\nx-durward-user: ";
constexpr std::string_view assertion_header = "\r\nx-durward-assertion: ";

std::string answer(std::string_view head) {
  std::string_view user = "-";
  if (const auto at = head.find(user_header); at != std::string_view::npos) {
    const auto from = at + user_header.size();
    user = head.substr(from, head.find('\r', from) - from);
  }
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(answer_bytes) +
         "\r\n\r\n" + answer_body(user, head.find(assertion_header) != std::string_view::npos);
}

}  // namespace

std::string answer_body(std::string_view user, bool asserted) {
  std::string out(user.substr(0, answer_bytes - 1));
  out += asserted ? '+' : ' ';
  out.resize(answer_bytes, ' ');
  return out;
}

struct Upstream::Connection {
  sys::Fd fd;
  std::string unread;
};

Upstream::Upstream() : listener_(testing::listen_anywhere(port_)) {
  ::listen(listener_.get(), SOMAXCONN);
  thread_ = std::thread([this] { serve(); });
}

Upstream::~Upstream() {
  stopping_ = true;
  thread_.join();
}

void Upstream::serve() {
  const sys::Fd poll(::epoll_create1(EPOLL_CLOEXEC));
  const auto watch = [&](int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, fd, &event);
  };
  watch(listener_.get());
  std::map<int, Connection> open;
  std::array<epoll_event, 256> events{};
  while (!stopping_) {
    const int ready =
        ::epoll_wait(poll.get(), events.data(), static_cast<int>(events.size()), look_around_ms);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd != listener_.get()) {
        if (const auto found = open.find(fd); found != open.end() && !on_readable(found->second))
          open.erase(found);
        continue;
      }
      sys::Fd peer(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!peer) continue;
      ++connections_;
      const int on = 1;
      ::setsockopt(peer.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(peer.get());
      const int number = peer.get();
      open[number] = {std::move(peer), {}};
    }
  }
}

bool Upstream::on_readable(Connection& connection) {
  std::array<char, 16'384> chunk;
  const ssize_t got = ::recv(connection.fd.get(), chunk.data(), chunk.size(), 0);
  if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
  connection.unread.append(chunk.data(), static_cast<std::size_t>(got));
  for (auto end = connection.unread.find("\r\n\r\n"); end != std::string::npos;
       end = connection.unread.find("\r\n\r\n")) {
    const std::string bytes = answer(std::string_view(connection.unread).substr(0, end + 2));
    if (::send(connection.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size()))
      return false;
    ++answered_;
    connection.unread.erase(0, end + 4);
  }
  return true;
}

}  // namespace durward::bench
