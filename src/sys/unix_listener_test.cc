// Proves: the socket is for its owner alone, says who connects, replaces only dead sockets, can be handed
// over by a supervisor, and can be woken.
#include "sys/unix_listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "sys/file_store.h"
#include "sys/unix_address.h"
#include "sys/unix_socket.h"

namespace durward::sys {
namespace {

using namespace std::chrono_literals;

class Listener : public ::testing::Test {
 protected:
  Listener() {
    std::string pattern = (std::filesystem::temp_directory_path() / "durward-listen-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    path_ = root_ + "/run/s";
  }
  ~Listener() override { std::filesystem::remove_all(root_); }

  std::string root_;
  std::string path_;
};

TEST_F(Listener, IsPrivateAndNamesThePeer) {
  auto listener = UnixListener::listen(path_);
  ASSERT_TRUE(listener) << listener.error().message;
  struct stat info {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ASSERT_EQ(::stat((root_ + "/run").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);

  EXPECT_FALSE(listener->accept());
  auto client = UnixStream::connect(path_, 1s);
  ASSERT_TRUE(client);
  const auto accepted = listener->accept();
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->peer.pid, ::getpid());
  EXPECT_EQ(accepted->peer.uid, ::geteuid());

  std::array<char, 16> bytes{};
  EXPECT_EQ(read_now(accepted->fd.get(), bytes).value(), std::nullopt);
  ASSERT_TRUE(client->write("abc", 1s));
  EXPECT_EQ(read_now(accepted->fd.get(), bytes).value(), 3U);
  client->half_close();
  EXPECT_EQ(read_now(accepted->fd.get(), bytes).value(), 0U);
}

// A socket that listens at `path` and is descriptor 3 of this process, as a supervisor would leave it.
class HandedOver {
 public:
  HandedOver(const std::string& path, pid_t to) : kept_(::fcntl(first, F_DUPFD_CLOEXEC, 100)) {
    make_directories(std::filesystem::path(path).parent_path().string(), 0700).map_error([](const Error&) {});
    const auto address = unix_address(path);
    Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)), 0);
    EXPECT_EQ(::listen(socket.get(), 8), 0);
    EXPECT_EQ(::dup2(socket.get(), first), first);
    if (socket.get() == first) socket.release();            // it was free
    ::setenv("LISTEN_PID", std::to_string(to).c_str(), 1);  // NOLINT(concurrency-mt-unsafe): one thread
    ::setenv("LISTEN_FDS", "1", 1);                         // NOLINT(concurrency-mt-unsafe)
  }
  ~HandedOver() {
    ::unsetenv("LISTEN_PID");  // NOLINT(concurrency-mt-unsafe)
    ::unsetenv("LISTEN_FDS");  // NOLINT(concurrency-mt-unsafe)
    kept_ ? ::dup2(kept_.get(), first) : ::close(first);
  }
  HandedOver(const HandedOver&) = delete;
  HandedOver& operator=(const HandedOver&) = delete;

 private:
  static constexpr int first = 3;
  Fd kept_;  // what was there before
};

TEST_F(Listener, ASocketThatIsHandedOverIsUsedAndStays) {
  const HandedOver socket(path_, ::getpid());
  {
    auto listener = UnixListener::listen(path_);
    ASSERT_TRUE(listener) << listener.error().message;
    const auto client = UnixStream::connect(path_, 1s);
    ASSERT_TRUE(client);
    EXPECT_TRUE(listener->accept());
    EXPECT_FALSE(listener->accept());
  }
  auto waits = UnixStream::connect(path_, 1s);  // nobody reads now, and nobody is refused
  ASSERT_TRUE(waits);
  ASSERT_TRUE(waits->write("abc", 1s));
  auto next = UnixListener::listen(path_);
  ASSERT_TRUE(next);
  const auto accepted = next->accept();
  ASSERT_TRUE(accepted);
  std::array<char, 16> bytes{};
  EXPECT_EQ(read_now(accepted->fd.get(), bytes).value(), 3U);
}

TEST_F(Listener, ASocketMeantForAnotherProcessOrPathIsNotTaken) {
  {
    const HandedOver socket(path_, ::getpid() + 1);
    const auto listener = UnixListener::listen(path_);
    ASSERT_FALSE(listener);
    EXPECT_EQ(listener.error().code, "SYS014");
  }
  const HandedOver socket(path_ + "2", ::getpid());
  EXPECT_TRUE(UnixListener::listen(path_));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Listener, ADeadSocketIsReplacedALiveOneIsNot) {
  {
    auto first = UnixListener::listen(path_);
    ASSERT_TRUE(first);
    EXPECT_EQ(UnixListener::listen(path_).error().code, "SYS014");
    ASSERT_EQ(::link(path_.c_str(), (path_ + ".left").c_str()), 0);
  }
  EXPECT_FALSE(exists(path_)) << "removed at the end";
  ASSERT_EQ(::rename((path_ + ".left").c_str(), path_.c_str()), 0);  // as after a crash
  EXPECT_TRUE(UnixListener::listen(path_));
}

TEST_F(Listener, RefusesOpenDirectoriesOtherFilesAndBadPaths) {
  ASSERT_TRUE(make_directories(root_ + "/open"));
  ASSERT_EQ(::chmod((root_ + "/open").c_str(), 0755), 0);
  EXPECT_EQ(UnixListener::listen(root_ + "/open/s").error().code, "SYS013");
  ASSERT_TRUE(write_file(root_ + "/file", "kept"));
  EXPECT_EQ(UnixListener::listen(root_ + "/file").error().code, "SYS013");
  EXPECT_EQ(read_file(root_ + "/file").value(), "kept");
  EXPECT_EQ(UnixListener::listen(root_ + "/" + std::string(200, 'x')).error().code, "SYS013");
  EXPECT_EQ(UnixListener::listen("").error().code, "SYS013");
}

TEST_F(Listener, WaitsForSeveralAndWakes) {
  auto listener = UnixListener::listen(path_);
  ASSERT_TRUE(listener);
  Wake wake;
  const std::array fds{listener->fd(), wake.fd()};
  EXPECT_TRUE(wait_readable(fds, deadline_in(10ms)).empty());
  std::thread other([&] { wake.signal(); });
  EXPECT_EQ(wait_readable(fds, deadline_in(10s)), std::vector{wake.fd()});
  other.join();
  wake.clear();
  const auto client = UnixStream::connect(path_, 1s);
  EXPECT_EQ(wait_readable(fds, deadline_in(10s)), std::vector{listener->fd()});
}

}  // namespace
}  // namespace durward::sys
