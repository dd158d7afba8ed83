#include "sys/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <optional>

#include "sys/fd.h"

namespace durward::sys {
namespace {

constexpr std::size_t output_bytes_max = 1U << 20;
constexpr int first_inherited_fd = 3;

tl::unexpected<Error> cannot_start(const std::string& program, int code) {
  return fail("SYS020", fmt::format("cannot start '{}': {}", program, error_text(code)),
              code == ENOENT ? "is it installed and on PATH?" : "");
}

// What a child starts with: an empty signal mask, default dispositions (an ignored SIGPIPE would be
// inherited), a process group of its own, stdin from /dev/null, one descriptor for stdout and stderr, and no
// other of ours.
class SpawnPlan {
 public:
  SpawnPlan(const std::vector<std::string>& command, int output_fd) {
    for (const std::string& word : command) argv_.push_back(const_cast<char*>(word.c_str()));
    argv_.push_back(nullptr);
    sigset_t none;
    sigset_t every;
    sigemptyset(&none);
    sigfillset(&every);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &every);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output_fd, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, output_fd, STDERR_FILENO);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }

  void work_in(int directory_fd) { ::posix_spawn_file_actions_addfchdir_np(&actions_, directory_fd); }
  // Last action: whatever a library left open without O_CLOEXEC does not reach the child.
  void close_the_rest() { ::posix_spawn_file_actions_addclosefrom_np(&actions_, first_inherited_fd); }
  // Async-signal-safe, so fit for the child of a fork. 0 or the errno.
  int start(pid_t& pid) {
    return ::posix_spawnp(&pid, argv_[0], &actions_, &attributes_, argv_.data(), environ);
  }

 private:
  std::vector<char*> argv_;
  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

int exit_code_of(int status) {
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  return 128 + (WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

// Takes what is in the pipe; false at its end.
bool drain(int fd, std::string& output) {
  std::array<char, 16 * 1024> chunk;
  while (true) {
    const ssize_t got = retry([&] { return ::read(fd, chunk.data(), chunk.size()); });
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    const std::size_t room = output_bytes_max - output.size();
    output.append(chunk.data(), std::min(static_cast<std::size_t>(got), room));  // the rest is dropped
  }
}

// Until the child has ended (its own children may keep the pipe open for longer); false at the deadline.
bool await_end(int pid_fd, int output_fd, Deadline deadline, std::string& output) {
  bool open = true;
  while (true) {
    const auto left = time_left(deadline);
    if (left.count() <= 0) return false;
    std::array<pollfd, 2> fds{{{pid_fd, POLLIN, 0}, {open ? output_fd : -1, POLLIN, 0}}};
    constexpr long long poll_ms_max = 60'000;
    if (::poll(fds.data(), fds.size(), static_cast<int>(std::min<long long>(left.count(), poll_ms_max))) <
        0) {
      continue;
    }
    if (fds[1].revents != 0) open = drain(output_fd, output);
    if (fds[0].revents != 0) {
      if (open) drain(output_fd, output);
      return true;
    }
  }
}

struct Started {
  int error = 0;
  pid_t pid = 0;
};

// The middle process of a double fork: it leads the new session, starts the program, reports and goes, so
// that the program belongs to init. Only async-signal-safe calls: other threads of ours may hold any lock.
[[noreturn]] void start_from_new_session(SpawnPlan& plan, int report_fd) {
  Started started;
  if (::setsid() < 0) {
    started.error = errno;
  } else {
    started.error = plan.start(started.pid);
  }
  const ssize_t written = ::write(report_fd, &started, sizeof(started));
  ::_exit(written == sizeof(started) ? 0 : 1);
}

Started double_fork(SpawnPlan& plan) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {errno, 0};
  const Fd report(ends[0]);
  Fd write_end(ends[1]);
  // No handler of ours may run in the child.
  sigset_t every;
  sigset_t before;
  sigfillset(&every);
  ::pthread_sigmask(SIG_SETMASK, &every, &before);
  const pid_t middle = ::fork();
  if (middle == 0) start_from_new_session(plan, write_end.get());
  const int fork_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (middle < 0) return {fork_error, 0};
  write_end.reset();
  Started started;
  const ssize_t got = retry([&] { return ::read(report.get(), &started, sizeof(started)); });
  retry([&] { return ::waitpid(middle, nullptr, 0); });
  if (got != sizeof(started)) return {ECHILD, 0};
  return started;
}

}  // namespace

Result<Ran> run(const std::vector<std::string>& command, std::chrono::milliseconds timeout) {
  if (command.empty()) return cannot_start("", EINVAL);
  const Deadline deadline = deadline_in(timeout);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return cannot_start(command[0], errno);
  const Fd output(ends[0]);
  Fd write_end(ends[1]);
  ::fcntl(output.get(), F_SETFL, O_NONBLOCK);

  SpawnPlan plan(command, write_end.get());
  plan.close_the_rest();
  pid_t pid = 0;
  if (const int code = plan.start(pid); code != 0) return cannot_start(command[0], code);
  write_end.reset();

  Ran ran;
  // By number: glibc 2.36's <sys/pidfd.h> lacks extern "C".
  const Fd pid_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int pid_fd_error = errno;
  const bool ended = pid_fd && await_end(pid_fd.get(), output.get(), deadline, ran.output);
  // Killed before it is reaped: until then the group's number cannot be another's.
  if (!ended) ::kill(-pid, SIGKILL);
  int status = 0;
  retry([&] { return ::waitpid(pid, &status, 0); });
  if (!pid_fd) return cannot_start(command[0], pid_fd_error);
  if (!ended) {
    return fail("SYS021",
                fmt::format("'{}' did not end within {} ms and was killed", command[0], timeout.count()));
  }
  ran.exit_code = exit_code_of(status);
  return ran;
}

Result<int> start_detached(const Detached& options) {
  if (options.command.empty()) return cannot_start("", EINVAL);
  const Fd log(::open(options.log_file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600));
  if (!log) {
    return fail("SYS020",
                fmt::format("cannot open the log file '{}': {}", options.log_file, error_text(errno)));
  }
  SpawnPlan plan(options.command, log.get());
  Fd directory;
  if (!options.directory.empty()) {
    directory = Fd(::open(options.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) {
      return fail("SYS020",
                  fmt::format("cannot enter the directory '{}': {}", options.directory, error_text(errno)));
    }
    plan.work_in(directory.get());
  }
  plan.close_the_rest();
  const Started started = double_fork(plan);
  if (started.error != 0) return cannot_start(options.command[0], started.error);
  return started.pid;
}

bool alive(int pid) {
  if (pid <= 0 || (::kill(pid, 0) != 0 && errno != EPERM)) return false;
  // A zombie still has its number but does nothing any more. /proc may hide other users' processes.
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  if (!stat.is_open()) return ::kill(pid, 0) == 0 || errno == EPERM;
  std::string line;
  std::getline(stat, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= line.size()) return false;
  const char state = line[name_end + 2];
  return state != 'Z' && state != 'X';
}

}  // namespace durward::sys
