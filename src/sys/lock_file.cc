#include "sys/lock_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace durward::sys {

Result<LockFile> LockFile::take(const std::string& path) {
  // The kernel lets go of it when the process ends, however it ends; children do not inherit it.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail("SYS003", "cannot open " + path + ": " + std::strerror(errno));
  struct flock whole = {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &whole) != 0) {
    const int why = errno;
    ::close(fd);
    if (why == EAGAIN || why == EACCES) return fail("SYS040", path + " is held by another process");
    return fail("SYS003", "cannot lock " + path + ": " + std::strerror(why));
  }
  return LockFile(fd);
}

LockFile::~LockFile() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace durward::sys
