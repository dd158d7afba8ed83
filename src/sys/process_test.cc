// Proves: children start clean, output and exit codes come back, time-outs kill the whole group, and a
// detached program outlives its starter without becoming its zombie.
#include "sys/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

namespace durward::sys {
namespace {

using namespace std::chrono_literals;

std::string slurp(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 500; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

TEST(Run, GivesOutputOfBothStreamsAndTheExitCode) {
  const auto ran = run({"sh", "-c", "echo out; echo err >&2; exit 3"}, 10s);
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(ran->exit_code, 3);
  EXPECT_EQ(ran->output, "out\nerr\n");
}

TEST(Run, DeathBySignalIs128Plus) {
  EXPECT_EQ(run({"sh", "-c", "kill -TERM $$"}, 10s)->exit_code, 128 + SIGTERM);
}

TEST(Run, UnknownProgramIsSys020) {
  const auto ran = run({"/nowhere/program"}, 10s);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, "SYS020");
  EXPECT_NE(ran.error().message.find("/nowhere/program"), std::string::npos);
  EXPECT_EQ(run({}, 10s).error().code, "SYS020");
}

TEST(Run, OutputIsCappedAndTheChildStillEnds) {
  const auto ran = run({"head", "-c", "3000000", "/dev/zero"}, 20s);
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(ran->exit_code, 0);
  EXPECT_EQ(ran->output.size(), 1U << 20);
}

TEST(Run, TimeoutKillsTheWholeGroup) {
  const auto started = std::chrono::steady_clock::now();
  std::string pattern = (std::filesystem::temp_directory_path() / "durward-run-XXXXXX").string();
  const std::string root = ::mkdtemp(pattern.data());
  const auto ran = run({"sh", "-c", "sleep 60 & echo $! > " + root + "/pid; wait"}, 300ms);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, "SYS021");
  EXPECT_LT(std::chrono::steady_clock::now() - started, 10s);
  const int grandchild = std::stoi(slurp(root + "/pid"));
  EXPECT_TRUE(eventually([&] { return !alive(grandchild); }));
  std::filesystem::remove_all(root);
}

TEST(Run, DoesNotWaitForBackgroundChildrenThatHoldThePipe) {
  const auto started = std::chrono::steady_clock::now();
  const auto ran = run({"sh", "-c", "sleep 20 & echo $!"}, 15s);
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - started, 10s);
  ::kill(std::stoi(ran->output), SIGKILL);
}

TEST(Run, ChildHasACleanMaskDefaultSignalsAndNoOtherDescriptors) {
  const int leaked = ::open("/dev/null", O_RDONLY);  // on purpose without O_CLOEXEC
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto old = std::signal(SIGPIPE, SIG_IGN);
  // Signals 32 and up belong to the C library, which does not let a program reset them: look at the low 28.
  const auto script = "sed -nE 's/^Sig(Blk|Ign):.*(.{7})$/\\1 \\2/p' /proc/self/status; ls /proc/self/fd";
  const auto ran = run({"sh", "-c", script}, 10s);
  std::signal(SIGPIPE, old);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::close(leaked);
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(ran->output, "Blk 0000000\nIgn 0000000\n0\n1\n2\n3\n");  // 3: ls itself
}

class Detaching : public ::testing::Test {
 protected:
  Detaching() {
    std::string pattern = (std::filesystem::temp_directory_path() / "durward-run-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~Detaching() override { std::filesystem::remove_all(root_); }
  std::string root_;
};

TEST_F(Detaching, RunsInItsOwnSessionAndDirectoryAndAppendsItsLog) {
  const auto script = "pwd; cut -d' ' -f4,6 /proc/$$/stat; ls /proc/self/fd | wc -l; exec sleep 60";
  const auto pid = start_detached({{"sh", "-c", script}, root_ + "/log", root_});
  ASSERT_TRUE(pid) << pid.error().message;
  ASSERT_TRUE(eventually([&] { return slurp(root_ + "/log").ends_with("4\n"); })) << slurp(root_ + "/log");
  std::istringstream log(slurp(root_ + "/log"));
  std::string directory;
  int parent = 0;
  int session = 0;
  log >> directory >> parent >> session;
  EXPECT_EQ(directory, std::filesystem::canonical(root_));
  EXPECT_NE(parent, ::getpid());
  EXPECT_NE(session, ::getsid(0));
  EXPECT_TRUE(alive(*pid));
  ::kill(*pid, SIGKILL);
  EXPECT_TRUE(eventually([&] { return !alive(*pid); }));
}

TEST_F(Detaching, RefusesWhatCannotStart) {
  EXPECT_EQ(start_detached({{"/nowhere/program"}, root_ + "/log", root_}).error().code, "SYS020");
  EXPECT_EQ(start_detached({{"true"}, root_ + "/none/log", root_}).error().code, "SYS020");
  EXPECT_EQ(start_detached({{"true"}, root_ + "/log", root_ + "/none"}).error().code, "SYS020");
}

TEST(Alive, AZombieIsNot) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  EXPECT_TRUE(eventually([&] { return !alive(child); }));
  EXPECT_TRUE(alive(::getpid()));
  EXPECT_TRUE(alive(1));
  EXPECT_FALSE(alive(0));
}

}  // namespace
}  // namespace durward::sys
