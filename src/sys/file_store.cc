#include "sys/file_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "sys/fd.h"
#include "sys/file_batch.h"
#include "sys/file_error.h"

namespace durward::sys {
Result<std::string> read_file(const std::string& path) {
  // O_NONBLOCK: opening a FIFO somebody put there must not hang us.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return file_error("open", path, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return file_error("read", path, errno);
  if (!S_ISREG(info.st_mode)) return fail("SYS003", fmt::format("'{}' is not a regular file", path));

  const auto too_large = [&] {
    return fail("SYS003", fmt::format("'{}' is larger than {} MiB", path, file_bytes_max >> 20U));
  };
  if (static_cast<std::uint64_t>(info.st_size) > file_bytes_max) return too_large();
  // Read to the end, whatever the size said: it grows meanwhile, and /proc says 0.
  std::string bytes(static_cast<std::size_t>(info.st_size) + 1, '\0');
  std::size_t used = 0;
  while (true) {
    if (used == bytes.size()) bytes.resize(bytes.size() + 64 * 1024);
    const ssize_t got = retry([&] { return ::read(file.get(), bytes.data() + used, bytes.size() - used); });
    if (got < 0) return file_error("read", path, errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > file_bytes_max) return too_large();
  }
  bytes.resize(used);
  return bytes;
}

Status write_file(const std::string& path, std::string_view bytes, unsigned mode) {
  FileBatch files;
  if (auto written = files.write(path, bytes, mode); !written) return written;
  return files.commit();
}

Status ensure_private_file(const std::string& path) {
  const Fd made(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (made) return sync_parent(path);
  if (errno != EEXIST) return file_error("make", path, errno);
  // By name: opening and closing the file would drop the record locks that a database of this process holds
  // on it.
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return file_error("open", path, errno);
  if (!S_ISREG(info.st_mode)) return fail("SYS003", fmt::format("'{}' is not a regular file", path));
  if ((info.st_mode & 07777U) != 0600U && ::chmod(path.c_str(), 0600) != 0) {
    return file_error("set the mode of", path, errno);
  }
  return {};
}

Status make_directories(const std::string& path, unsigned mode) {
  std::filesystem::path sofar;
  for (const auto& part : std::filesystem::path(path).lexically_normal()) {
    sofar /= part;
    const std::string name = sofar.string();
    if (::mkdir(name.c_str(), mode) == 0) {
      if (Status synced = sync_parent(name); !synced) return synced;
      continue;
    }
    const int code = errno;
    struct stat info {};
    if (::stat(name.c_str(), &info) != 0) return file_error("make the directory", name, code);
    if (!S_ISDIR(info.st_mode)) return fail("SYS003", fmt::format("'{}' is not a directory", name));
  }
  return {};
}

Result<std::vector<std::string>> list_files(const std::string& path) {
  std::error_code code;
  std::vector<std::string> names;
  auto entry = std::filesystem::directory_iterator(path, code);
  for (; !code && entry != std::filesystem::directory_iterator(); entry.increment(code)) {
    std::error_code ignored;  // a dangling link is listed: reading it gives the clear error
    if (!entry->is_directory(ignored)) names.push_back(entry->path().filename().string());
  }
  if (code) return file_error("list", path, code.value());
  std::sort(names.begin(), names.end());
  return names;
}

bool exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

Status remove_all(const std::string& path) {
  std::error_code code;
  std::filesystem::remove_all(path, code);
  if (code) return file_error("remove", path, code.value());
  return {};
}

}  // namespace durward::sys
