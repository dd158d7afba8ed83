#include "sys/fd.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <system_error>

namespace durward::sys {
namespace {

bool wait_for(int fd, short events, Deadline deadline) {
  while (true) {
    const auto left = time_left(deadline).count();
    const auto timeout = std::clamp<decltype(left)>(left, 0, std::numeric_limits<int>::max());
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(timeout));
    if (ready > 0) return true;  // an error or hang-up too: the call that follows says which
    if (ready < 0 && errno != EINTR) return true;
    if (ready == 0 && left <= timeout) return false;
  }
}

}  // namespace

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);  // not retried on EINTR: Linux has closed it by then
  fd_ = -1;
}

Deadline deadline_in(std::chrono::milliseconds timeout) {
  return std::chrono::steady_clock::now() + timeout;
}

std::chrono::milliseconds time_left(Deadline deadline) {
  return std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
}

bool wait_readable(int fd, Deadline deadline) {
  return wait_for(fd, POLLIN, deadline);
}
bool wait_writable(int fd, Deadline deadline) {
  return wait_for(fd, POLLOUT, deadline);
}

int write_fully(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = retry([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (done < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return 0;
}

std::string error_text(int code) {
  return std::generic_category().message(code);
}

}  // namespace durward::sys
