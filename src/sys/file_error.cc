#include "sys/file_error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "sys/fd.h"

namespace durward::sys {

tl::unexpected<Error> file_error(std::string_view action, const std::string& path, int code) {
  const std::string message = fmt::format("cannot {} '{}': {}", action, path, error_text(code));
  if (code == ENOENT || code == ENOTDIR) return fail("SYS001", message, "check the path");
  if (code == EACCES || code == EPERM || code == EROFS) {
    return fail("SYS002", message, "check the owner and mode of the file and of the directories above it");
  }
  return fail("SYS003", message, code == ENOSPC || code == EDQUOT ? "free disk space" : "");
}

std::string parent_of(const std::string& path) {
  std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

Status sync_directory(const std::string& path) {
  const Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return file_error("open", path, errno);
  if (::fsync(directory.get()) != 0) return file_error("fsync", path, errno);
  return {};
}

Status sync_parent(const std::string& path) {
  return sync_directory(parent_of(path));
}

}  // namespace durward::sys
