// LD_PRELOADed into Durward and HAProxy by tests/js/faults: a wall clock that steps and a disk that is full,
// as a file of three numbers says that both processes map: the clock's offset in ns, what the disk does, and
// how many writes it refused. DURWARD_MACHINE names the file.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

enum class Disk : std::int64_t {
  good = 0,
  full = 1,   // writes say ENOSPC
  torn = 2,   // half of a write is done, then ENOSPC
  broken = 3  // writes are taken, syncing says EIO
};

struct Switches {
  std::atomic<std::int64_t> offset_ns;
  std::atomic<std::int64_t> disk;
  std::atomic<std::int64_t> refused;
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

constexpr std::int64_t ns_per_s = 1'000'000'000;

Switches* open_switches() {
  static Switches none{};
  const char* path = std::getenv("DURWARD_MACHINE");
  const int fd = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return &none;
  void* at = ::mmap(nullptr, sizeof(Switches), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  return at == MAP_FAILED ? &none : static_cast<Switches*>(at);
}

Switches& switches() {
  static Switches* const mapped = open_switches();
  return *mapped;
}

template <class F>
F real(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}

void shift(timespec& at) {
  const std::int64_t ns = at.tv_nsec + switches().offset_ns.load() % ns_per_s;
  at.tv_sec += switches().offset_ns.load() / ns_per_s + (ns >= ns_per_s ? 1 : 0) - (ns < 0 ? 1 : 0);
  at.tv_nsec = (ns + ns_per_s) % ns_per_s;
}

bool on_disk(int fd) {
  struct stat status {};
  return fd > STDERR_FILENO && ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

Disk disk_of(int fd) {
  const auto disk = static_cast<Disk>(switches().disk.load());
  return disk != Disk::good && on_disk(fd) ? disk : Disk::good;
}

ssize_t refuse() {
  switches().refused.fetch_add(1);
  errno = ENOSPC;
  return -1;
}

// `write_some(count)` writes so many bytes.
template <class F>
ssize_t limited(int fd, std::size_t count, F write_some) {
  const Disk disk = disk_of(fd);
  if (disk == Disk::full || (disk == Disk::torn && count < 2)) return refuse();
  return write_some(disk == Disk::torn ? count / 2 : count);
}

template <class F>
int synced(int fd, F sync) {
  const Disk disk = disk_of(fd);
  if (disk == Disk::good) return sync();
  refuse();
  if (disk == Disk::broken) errno = EIO;
  return -1;
}

}  // namespace

#define DURWARD_REPLACES extern "C" __attribute__((visibility("default")))

DURWARD_REPLACES int clock_gettime(clockid_t clock, timespec* at) noexcept {
  static const auto next = real<int (*)(clockid_t, timespec*)>("clock_gettime");
  const int done = next(clock, at);
  if (done == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) shift(*at);
  return done;
}

DURWARD_REPLACES int gettimeofday(timeval* __restrict at, void* __restrict) noexcept {
  timespec now{};
  const int done = clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return done;
}

DURWARD_REPLACES time_t time(time_t* at) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (at != nullptr) *at = now.tv_sec;
  return now.tv_sec;
}

DURWARD_REPLACES ssize_t write(int fd, const void* bytes, size_t count) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  return limited(fd, count, [&](std::size_t some) { return next(fd, bytes, some); });
}

DURWARD_REPLACES ssize_t pwrite(int fd, const void* bytes, size_t count, off_t at) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return limited(fd, count, [&](std::size_t some) { return next(fd, bytes, some, at); });
}

DURWARD_REPLACES ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t at) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return limited(fd, count, [&](std::size_t some) { return next(fd, bytes, some, at); });
}

DURWARD_REPLACES ssize_t writev(int fd, const iovec* parts, int count) {
  static const auto next = real<ssize_t (*)(int, const iovec*, int)>("writev");
  if (disk_of(fd) == Disk::full || disk_of(fd) == Disk::torn) return refuse();
  return next(fd, parts, count);
}

DURWARD_REPLACES int fsync(int fd) {
  static const auto next = real<int (*)(int)>("fsync");
  return synced(fd, [&] { return next(fd); });
}

DURWARD_REPLACES int fdatasync(int fd) {
  static const auto next = real<int (*)(int)>("fdatasync");
  return synced(fd, [&] { return next(fd); });
}
