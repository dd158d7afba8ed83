#include "sys/unix_listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <utility>

#include "sys/environment.h"
#include "sys/file_store.h"
#include "sys/unix_address.h"
#include "sys/unix_socket.h"

namespace durward::sys {
namespace {

constexpr int backlog = 64;

tl::unexpected<Error> cannot_listen(const std::string& path, std::string_view why, std::string hint = {}) {
  return fail("SYS013", fmt::format("cannot listen on '{}': {}", path, why), std::move(hint));
}

Status check_directory(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) return cannot_listen(path, "the path names no directory");
  if (Status made = make_directories(directory, 0700); !made)
    return cannot_listen(path, made.error().message);
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0) return cannot_listen(path, error_text(errno));
  if ((info.st_mode & 077U) != 0 || (info.st_uid != ::geteuid() && info.st_uid != 0)) {
    return cannot_listen(path, fmt::format("others than its owner may enter '{}'", directory),
                         fmt::format("chmod 0700 '{}', or name another directory", directory));
  }
  return {};
}

// A socket nobody listens on any more stays in the file system and would make bind() fail for ever.
Status remove_dead_socket(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode))
    return cannot_listen(path, "there is a file of that name that is not a socket");
  if (UnixStream::connect(path, std::chrono::milliseconds(100))) {
    return fail("SYS014", fmt::format("another program listens on '{}'", path),
                "is durward running already with this state directory?");
  }
  ::unlink(path.c_str());
  return {};
}

constexpr int first_handed_over = 3;  // SD_LISTEN_FDS_START
constexpr int handed_over_max = 64;

int count_of(const char* variable) {
  const auto text = environment(variable);
  return text ? std::atoi(text->c_str()) : 0;
}

bool listens_at(int fd, const std::string& path) {
  sockaddr_un bound{};
  socklen_t size = sizeof(bound);
  int listening = 0;
  socklen_t word = sizeof(listening);
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0 && bound.sun_family == AF_UNIX &&
         size > offsetof(sockaddr_un, sun_path) && path == bound.sun_path &&
         ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &word) == 0 && listening != 0;
}

Fd handed_over(const std::string& path) {
  if (count_of("LISTEN_PID") != ::getpid()) return {};
  const int count = std::clamp(count_of("LISTEN_FDS"), 0, handed_over_max);
  for (int fd = first_handed_over; fd < first_handed_over + count; ++fd) {
    if (!listens_at(fd, path)) continue;
    Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, first_handed_over));
    if (!copy || ::fcntl(copy.get(), F_SETFL, ::fcntl(copy.get(), F_GETFL) | O_NONBLOCK) != 0) return {};
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);  // children, HAProxy above all, must not hold it
    return copy;
  }
  return {};
}

}  // namespace

Result<UnixListener> UnixListener::listen(const std::string& path) {
  const auto address = unix_address(path);
  if (!address) return cannot_listen(path, unix_path_bounds);
  if (Fd ready = handed_over(path); ready) {
    if (Status good = check_directory(path); !good) return tl::unexpected(good.error());
    return UnixListener(std::move(ready), "");
  }
  if (Status good = check_directory(path); !good) return tl::unexpected(good.error());
  if (Status free = remove_dead_socket(path); !free) return tl::unexpected(free.error());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return cannot_listen(path, error_text(errno));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    return cannot_listen(path, error_text(errno));
  }
  // Nobody else can have connected before: only the owner may enter the directory.
  if (::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), backlog) != 0) {
    return cannot_listen(path, error_text(errno));
  }
  return UnixListener(std::move(fd), path);
}

UnixListener::UnixListener(UnixListener&& other) noexcept
    : fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})) {}

UnixListener::~UnixListener() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

std::optional<AcceptedPeer> UnixListener::accept() {
  Fd fd(retry([&] { return ::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); }));
  if (!fd) return std::nullopt;
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return AcceptedPeer{std::move(fd), {credentials.pid, credentials.uid, credentials.gid}};
}

Wake::Wake() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!fd_) std::abort();  // out of descriptors at start: nothing can work
}

void Wake::signal() {
  (void)::eventfd_write(fd_.get(), 1);
}

void Wake::clear() {
  eventfd_t value = 0;
  (void)::eventfd_read(fd_.get(), &value);
}

std::vector<int> wait_readable(std::span<const int> fds, Deadline deadline) {
  std::vector<pollfd> entries;
  for (const int fd : fds) entries.push_back({fd, POLLIN, 0});
  const auto left = std::clamp<std::int64_t>(time_left(deadline).count(), 0, std::numeric_limits<int>::max());
  std::vector<int> ready;
  if (::poll(entries.data(), entries.size(), static_cast<int>(left)) <= 0) return ready;
  for (const pollfd& entry : entries) {
    if (entry.revents != 0) ready.push_back(entry.fd);
  }
  return ready;
}

Result<std::optional<std::size_t>> read_now(int fd, std::span<char> into) {
  const ssize_t got = retry([&] { return ::recv(fd, into.data(), into.size(), MSG_DONTWAIT); });
  if (got >= 0) return static_cast<std::size_t>(got);
  if (errno == EAGAIN) return std::nullopt;
  return fail("SYS012", fmt::format("cannot read from the socket: {}", error_text(errno)));
}

}  // namespace durward::sys
