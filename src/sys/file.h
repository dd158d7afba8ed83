// Files that are read or written in pieces: logs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/fd.h"

namespace durward::sys {

// A file that only grows at its end. One thread at a time. Errors: SYS001 to SYS003, naming the path.
class AppendFile {
 public:
  // A new file of mode 0600, its name durable; SYS003 when there is one already.
  static Result<AppendFile> create(const std::string& path);

  // Appends all of it, or takes back what was written of it and fails. Not durable before sync().
  Status append(std::string_view bytes);
  Status sync();
  std::uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }

 private:
  AppendFile(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;
  std::uint64_t size_ = 0;
};

class ReadFile {
 public:
  static Result<ReadFile> open(const std::string& path);
  // Fills `into` from `offset` on; fewer bytes only at the end of the file, which may grow later.
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) const;
  Result<std::uint64_t> size() const;
  const std::string& path() const { return path_; }

 private:
  ReadFile(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;
};

// Cuts the file to `size` bytes, durably.
Status truncate_file(const std::string& path, std::uint64_t size);
Result<std::uint64_t> file_size(const std::string& path);
// The file alone, durably; SYS001 when there is none.
Status remove_file(const std::string& path);

}  // namespace durward::sys
