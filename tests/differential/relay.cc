#include "relay.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cassert>

namespace durward::differential {
namespace {

constexpr int tick_ms = 50;
constexpr std::size_t chunk_bytes = 65'536;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  assert(path.size() < sizeof(out.sun_path));
  path.copy(out.sun_path, path.size());
  return out;
}

// Takes what there is and sends it on; false when either end has closed. `seen` gets what passed.
bool move_bytes(const sys::Fd& from, const sys::Fd& to, const std::function<void(std::string_view)>& seen) {
  char chunk[chunk_bytes];
  const ssize_t got = ::recv(from.get(), chunk, sizeof(chunk), 0);
  if (got <= 0) return false;
  const std::string_view bytes(chunk, static_cast<std::size_t>(got));
  seen(bytes);
  std::string_view left = bytes;
  while (!left.empty()) {
    const ssize_t sent = ::send(to.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    left.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

Relay::Relay(const std::string& socket, std::string target)
    : target_(std::move(target)), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_un address = address_of(socket);
  ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  ::listen(listener_.get(), 16);
  thread_ = std::thread([this] { serve(); });
}

Relay::~Relay() {
  stopping_ = true;
  thread_.join();
  for (auto& connection : connections_) connection.join();
}

void Relay::serve() {
  while (!stopping_) {
    pollfd ready{listener_.get(), POLLIN, 0};
    if (::poll(&ready, 1, tick_ms) <= 0) continue;
    sys::Fd durward(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (durward) connections_.emplace_back([this](sys::Fd fd) { pass(std::move(fd)); }, std::move(durward));
  }
}

void Relay::pass(sys::Fd durward) {
  sys::Fd haproxy(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(target_);
  if (::connect(haproxy.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return;
  bool answered = true;
  while (!stopping_) {
    pollfd ready[] = {{durward.get(), POLLIN, 0}, {haproxy.get(), POLLIN, 0}};
    if (::poll(ready, 2, tick_ms) <= 0) continue;
    if (ready[0].revents != 0) {
      const bool open = move_bytes(durward, haproxy, [&](std::string_view bytes) {
        auto hook = hook_.lock();
        if (answered && *hook) (*hook)(std::string(bytes.substr(0, bytes.find('\n'))));
        answered = false;
      });
      if (!open) return;
    }
    if (ready[1].revents != 0 && !move_bytes(haproxy, durward, [&](std::string_view) { answered = true; }))
      return;
  }
}

}  // namespace durward::differential
