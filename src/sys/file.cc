#include "sys/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "sys/file_error.h"

namespace durward::sys {

Result<AppendFile> AppendFile::create(const std::string& path) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return file_error("make", path, errno);
  if (Status synced = sync_parent(path); !synced) return tl::unexpected(synced.error());
  return AppendFile(std::move(fd), path);
}

Status AppendFile::append(std::string_view bytes) {
  if (const int code = write_fully(fd_.get(), bytes); code != 0) {
    // Half a record at the end would glue itself to the next one.
    (void)retry([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size_)); });
    return file_error("write", path_, code);
  }
  size_ += bytes.size();
  return {};
}

Status AppendFile::sync() {
  if (::fdatasync(fd_.get()) != 0) return file_error("fsync", path_, errno);
  return {};
}

Result<ReadFile> ReadFile::open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return file_error("open", path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return file_error("read", path, errno);
  if (!S_ISREG(info.st_mode)) return fail("SYS003", "'" + path + "' is not a regular file");
  return ReadFile(std::move(fd), path);
}

Result<std::size_t> ReadFile::read_at(std::uint64_t offset, std::span<char> into) const {
  std::size_t used = 0;
  while (used < into.size()) {
    const ssize_t got = retry([&] {
      return ::pread(fd_.get(), into.data() + used, into.size() - used, static_cast<off_t>(offset + used));
    });
    if (got < 0) return file_error("read", path_, errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  return used;
}

Result<std::uint64_t> ReadFile::size() const {
  struct stat info {};
  if (::fstat(fd_.get(), &info) != 0) return file_error("read", path_, errno);
  return static_cast<std::uint64_t>(info.st_size);
}

Status truncate_file(const std::string& path, std::uint64_t size) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return file_error("open", path, errno);
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return file_error("cut", path, errno);
  if (::fsync(fd.get()) != 0) return file_error("fsync", path, errno);
  return {};
}

Result<std::uint64_t> file_size(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return file_error("read", path, errno);
  return static_cast<std::uint64_t>(info.st_size);
}

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return file_error("remove", path, errno);
  return sync_parent(path);
}

}  // namespace durward::sys
