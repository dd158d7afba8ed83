#include "sys/unix_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>
#include <utility>

#include "sys/fd.h"
#include "sys/unix_address.h"

namespace durward::sys {
namespace {

constexpr std::size_t read_chunk_bytes = 64 * 1024;
constexpr std::chrono::milliseconds backlog_pause{5};

tl::unexpected<Error> timed_out(std::string_view what) {
  return fail("SYS011", fmt::format("time-out while {} the socket", what));
}

// A unix socket whose backlog is full answers EAGAIN at once and cannot be polled for: try again until the
// deadline.
int connect_by(int fd, const sockaddr_un& address, Deadline deadline) {
  while (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == EISCONN) return 0;
    if (errno != EAGAIN && errno != EINTR && errno != EALREADY) return errno;
    if (std::chrono::steady_clock::now() >= deadline) return ETIMEDOUT;
    std::this_thread::sleep_for(backlog_pause);
  }
  return 0;
}

}  // namespace

Result<UnixStream> UnixStream::connect(const std::string& path, std::chrono::milliseconds timeout) {
  const auto address = unix_address(path);
  if (!address) return fail("SYS010", fmt::format("cannot connect to '{}': {}", path, unix_path_bounds));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int code = fd ? connect_by(fd.get(), *address, deadline_in(timeout)) : errno;
  if (code != 0) {
    return fail("SYS010", fmt::format("cannot connect to '{}': {}", path, error_text(code)),
                code == ENOENT || code == ECONNREFUSED ? "is the program that listens there running?" : "");
  }
  return UnixStream(fd.release());
}

UnixStream::UnixStream(UnixStream&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}

UnixStream& UnixStream::operator=(UnixStream&& other) noexcept {
  if (this != &other) {
    Fd(std::exchange(fd_, std::exchange(other.fd_, -1))).reset();
    buffer_ = std::move(other.buffer_);
  }
  return *this;
}

UnixStream::~UnixStream() {
  Fd(fd_).reset();
}

Status UnixStream::write(std::string_view bytes, std::chrono::milliseconds timeout) {
  const Deadline deadline = deadline_in(timeout);
  while (!bytes.empty()) {
    const ssize_t done = retry([&] { return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (done >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(done));
    } else if (errno != EAGAIN) {
      return fail("SYS012", fmt::format("cannot write to the socket: {}", error_text(errno)));
    } else if (!wait_writable(fd_, deadline)) {
      return timed_out("writing to");
    }
  }
  return {};
}

Result<std::string> UnixStream::read_some(std::chrono::milliseconds timeout) {
  if (!buffer_.empty()) return std::exchange(buffer_, {});
  const Deadline deadline = deadline_in(timeout);
  std::array<char, read_chunk_bytes> chunk;
  while (true) {
    const ssize_t got = retry([&] { return ::recv(fd_, chunk.data(), chunk.size(), 0); });
    if (got >= 0) return std::string(chunk.data(), static_cast<std::size_t>(got));
    if (errno != EAGAIN) {
      return fail("SYS012", fmt::format("cannot read from the socket: {}", error_text(errno)));
    }
    if (!wait_readable(fd_, deadline)) return timed_out("reading from");
  }
}

Result<std::string> UnixStream::read_until(std::string_view end, std::size_t bytes_max,
                                           std::chrono::milliseconds timeout) {
  const Deadline deadline = deadline_in(timeout);
  std::string got = std::exchange(buffer_, {});
  std::size_t searched = 0;
  while (true) {
    // `end` may straddle two reads: look again at the last bytes of what was searched.
    const std::size_t from = searched - std::min(searched, end.size());
    const std::size_t at = got.find(end, from);
    const std::size_t size = at == std::string::npos ? got.size() : at + end.size();
    if (size > bytes_max) {
      return fail("SYS012", fmt::format("the peer's answer is longer than {} bytes", bytes_max));
    }
    if (at != std::string::npos) {
      buffer_ = got.substr(size);
      got.resize(size);
      return got;
    }
    searched = got.size();
    auto more = read_some(time_left(deadline));
    if (!more) return more;
    if (more->empty()) return fail("SYS012", "the peer closed the socket in the middle of an answer");
    got += *more;
  }
}

Result<std::string> UnixStream::read_all(std::size_t bytes_max, std::chrono::milliseconds timeout) {
  const Deadline deadline = deadline_in(timeout);
  std::string got;
  while (true) {
    auto more = read_some(time_left(deadline));
    if (!more) return more;
    if (more->empty()) return got;
    if (got.size() + more->size() > bytes_max) {
      return fail("SYS012", fmt::format("the peer's answer is longer than {} bytes", bytes_max));
    }
    got += *more;
  }
}

void UnixStream::half_close() {
  ::shutdown(fd_, SHUT_WR);
}

}  // namespace durward::sys
