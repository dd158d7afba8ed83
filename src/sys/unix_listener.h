// A unix stream socket that others connect to, and who they are.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/fd.h"

namespace durward::sys {

struct Peer {  // as the kernel recorded it when the peer connected
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

struct AcceptedPeer {
  Fd fd;  // non-blocking
  Peer peer;
};

// One thread at a time.
class UnixListener {
 public:
  // The socket gets mode 0600. Its directory is made with 0700 when missing, and refused when others than its
  // owner may enter it. A dead socket left at the path is replaced. Errors: SYS013 cannot listen, SYS014
  // another program listens there.
  //
  // When whoever started this process holds a socket that listens at this very path and hands it over
  // (systemd's protocol: LISTEN_PID and LISTEN_FDS, sd_listen_fds(3)), that one is used, and it stays when
  // this process ends: peers that come meanwhile wait in its queue.
  static Result<UnixListener> listen(const std::string& path);
  UnixListener(UnixListener&& other) noexcept;
  UnixListener& operator=(UnixListener&&) = delete;
  ~UnixListener();  // removes the socket, unless it was handed over

  // Does not wait; nothing when nobody is there.
  std::optional<AcceptedPeer> accept();
  int fd() const { return fd_.get(); }

 private:
  UnixListener(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;  // empty = not ours to remove
};

// Wakes a thread that waits in wait_readable(): one thread signals, another waits on fd().
class Wake {
 public:
  Wake();
  void signal();  // any thread
  void clear();
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
};

// Which of the descriptors have something to read or were hung up; none after the deadline.
std::vector<int> wait_readable(std::span<const int> fds, Deadline deadline);

// Reads what is there, without waiting: the count, 0 = the peer closed, nothing = nothing there. SYS012 on
// failure.
Result<std::optional<std::size_t>> read_now(int fd, std::span<char> into);

}  // namespace durward::sys
