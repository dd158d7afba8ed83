// Unix stream sockets, blocking with deadlines. Used for HAProxy's Runtime API and Durward's control socket
// client.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "sys/fd.h"

namespace durward::sys {

class UnixStream {
 public:
  // Errors: SYS010 cannot connect (message names the path and why).
  static Result<UnixStream> connect(const std::string& path, std::chrono::milliseconds timeout);
  UnixStream(UnixStream&& other) noexcept;
  UnixStream& operator=(UnixStream&& other) noexcept;
  UnixStream(const UnixStream&) = delete;
  UnixStream& operator=(const UnixStream&) = delete;
  ~UnixStream();

  // Errors: SYS011 time-out, SYS012 closed or failed. After an error the stream is of no further use.
  Status write(std::string_view bytes, std::chrono::milliseconds timeout);
  // Reads what is there (at least one byte); empty = the peer closed.
  Result<std::string> read_some(std::chrono::milliseconds timeout);
  // Reads until `end` has arrived; returns everything up to and with it. At most `bytes_max`.
  Result<std::string> read_until(std::string_view end, std::size_t bytes_max,
                                 std::chrono::milliseconds timeout);
  Result<std::string> read_all(std::size_t bytes_max, std::chrono::milliseconds timeout);
  void half_close();
  int fd() const { return fd_; }
  Fd release() { return Fd(std::exchange(fd_, -1)); }  // what read_until() read past its end is lost

 private:
  explicit UnixStream(int fd) : fd_(fd) {}
  int fd_ = -1;
  std::string buffer_;  // what read_until() read past its end
};

}  // namespace durward::sys
