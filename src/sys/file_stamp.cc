#include "sys/file_stamp.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "sys/file_error.h"

namespace durward::sys {
namespace {

constexpr std::int64_t fresh_for = 3'000'000'000;  // FAT counts in steps of two seconds

std::int64_t nanoseconds(const timespec& at) {
  return static_cast<std::int64_t>(at.tv_sec) * 1'000'000'000 + at.tv_nsec;
}

}  // namespace

Result<FileStamp> file_stamp(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return file_error("look at", path, errno);
  FileStamp out{.device = info.st_dev,
                .inode = info.st_ino,
                .size = static_cast<std::uint64_t>(info.st_size),
                .modified = nanoseconds(info.st_mtim),
                .changed = nanoseconds(info.st_ctim)};
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  // A time ahead of the clock is fresh, too: the clock was set back.
  out.fresh = std::max(out.modified, out.changed) > nanoseconds(now) - fresh_for;
  return out;
}

}  // namespace durward::sys
