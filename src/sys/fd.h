// What every file of sys/ needs around a file descriptor: ownership, EINTR, deadlines, error text.
#pragma once

#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace durward::sys {

// Owns one descriptor and closes it. Movable; -1 = none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// Repeats a system call that a signal interrupted.
template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

using Deadline = std::chrono::steady_clock::time_point;
Deadline deadline_in(std::chrono::milliseconds timeout);
std::chrono::milliseconds time_left(Deadline deadline);  // negative once it has passed

// Waits until `fd` can be read (or written), was hung up, or the deadline has passed (false).
bool wait_readable(int fd, Deadline deadline);
bool wait_writable(int fd, Deadline deadline);

// Writes all of it to a blocking descriptor; 0, or the errno of the failure.
int write_fully(int fd, std::string_view bytes);

std::string error_text(int code);  // "No such file or directory"; any thread

}  // namespace durward::sys
