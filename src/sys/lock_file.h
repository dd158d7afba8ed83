// One process at a time: a file that is locked for as long as the object lives.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace durward::sys {

class LockFile {
 public:
  // Makes the file when it is missing. Errors: SYS040 another process holds it, SYS003 any other.
  static Result<LockFile> take(const std::string& path);
  LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  LockFile& operator=(LockFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile();

 private:
  explicit LockFile(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace durward::sys
