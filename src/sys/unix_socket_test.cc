// Proves: deadlines hold for each call, a vanished peer is an error and never a SIGPIPE, framing survives any
// cut.
#include "sys/unix_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

namespace durward::sys {
namespace {

using namespace std::chrono_literals;

class Sockets : public ::testing::Test {
 protected:
  Sockets() {
    std::string pattern = (std::filesystem::temp_directory_path() / "durward-sock-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    path_ = root_ + "/s";
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path_.begin(), path_.end(), address.sun_path);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_, 0), 0);
  }
  ~Sockets() override {
    ::close(listener_);
    std::filesystem::remove_all(root_);
  }
  // A connected pair: our end and the raw peer.
  std::pair<UnixStream, int> pair() {
    auto stream = UnixStream::connect(path_, 1s);
    EXPECT_TRUE(stream) << stream.error().message;
    return {std::move(*stream), ::accept(listener_, nullptr, nullptr)};
  }

  std::string root_;
  std::string path_;
  int listener_ = -1;
};

TEST_F(Sockets, ConnectFailuresNameThePath) {
  for (const std::string& path : {root_ + "/none", std::string(200, 'x'), std::string()}) {
    const auto stream = UnixStream::connect(path, 1s);
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error().code, "SYS010");
    EXPECT_NE(stream.error().message.find("'" + path + "'"), std::string::npos);
  }
}

TEST_F(Sockets, ConnectGivesUpWhenTheBacklogStaysFull) {
  std::vector<UnixStream> waiting;
  for (int i = 0; i < 10; ++i) {
    auto stream = UnixStream::connect(path_, 50ms);
    if (!stream) {
      EXPECT_EQ(stream.error().code, "SYS010");
      return;
    }
    waiting.push_back(std::move(*stream));
  }
  FAIL() << "a backlog of 0 took ten connections";
}

TEST_F(Sockets, ReadUntilKeepsWhatFollows) {
  auto [stream, peer] = pair();
  ASSERT_EQ(::send(peer, "one\n> two\n> rest", 16, 0), 16);
  EXPECT_EQ(stream.read_until("\n> ", 100, 1s).value(), "one\n> ");
  EXPECT_EQ(stream.read_until("\n> ", 100, 1s).value(), "two\n> ");
  EXPECT_EQ(stream.read_some(1s).value(), "rest");
  ::close(peer);
}

TEST_F(Sockets, ReadUntilFindsAnEndCutInPieces) {
  auto [stream, peer] = pair();
  std::thread sender([peer = peer] {
    for (const char c : std::string("ab\n> ")) {
      ::send(peer, &c, 1, 0);
      std::this_thread::sleep_for(5ms);
    }
  });
  EXPECT_EQ(stream.read_until("\n> ", 5, 5s).value(), "ab\n> ");
  sender.join();
  ::close(peer);
}

TEST_F(Sockets, BoundsAreKept) {
  auto [stream, peer] = pair();
  ASSERT_EQ(::send(peer, "0123456789\n", 11, 0), 11);
  EXPECT_EQ(stream.read_until("\n", 10, 1s).error().code, "SYS012");
  auto [other, other_peer] = pair();
  ASSERT_EQ(::send(other_peer, "0123456789", 10, 0), 10);
  EXPECT_EQ(other.read_all(9, 1s).error().code, "SYS012");
  ::close(peer);
  ::close(other_peer);
}

TEST_F(Sockets, SilenceIsATimeout) {
  auto [stream, peer] = pair();
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ(stream.read_some(50ms).error().code, "SYS011");
  EXPECT_EQ(stream.read_until("x", 10, 50ms).error().code, "SYS011");
  EXPECT_EQ(stream.read_all(10, 0ms).error().code, "SYS011");
  EXPECT_LT(std::chrono::steady_clock::now() - started, 2s);
  ::close(peer);
}

TEST_F(Sockets, APeerThatDoesNotReadIsATimeout) {
  auto [stream, peer] = pair();
  EXPECT_EQ(stream.write(std::string(16U << 20, 'x'), 100ms).error().code, "SYS011");
  ::close(peer);
}

TEST_F(Sockets, AVanishedPeerIsAnErrorNotASignal) {
  auto [stream, peer] = pair();
  ::close(peer);
  EXPECT_EQ(stream.write("x", 1s).error().code, "SYS012");
  EXPECT_EQ(stream.read_until("x", 10, 1s).error().code, "SYS012");
}

TEST_F(Sockets, HalfCloseLetsThePeerAnswer) {
  auto [stream, peer] = pair();
  ASSERT_TRUE(stream.write("ask", 1s));
  stream.half_close();
  char got[8];
  ASSERT_EQ(::recv(peer, got, sizeof(got), MSG_WAITALL), 3);
  ASSERT_EQ(::send(peer, "answer", 6, 0), 6);
  ::close(peer);
  EXPECT_EQ(stream.read_all(100, 1s).value(), "answer");
  EXPECT_EQ(stream.read_some(1s).value(), "");
}

TEST_F(Sockets, MovesLeaveNothingBehind) {
  auto [stream, peer] = pair();
  UnixStream moved = std::move(stream);
  auto [second, second_peer] = pair();
  second = std::move(moved);
  char byte = 0;
  EXPECT_EQ(::recv(second_peer, &byte, 1, 0), 0);  // the one assigned over is closed
  ASSERT_EQ(::send(peer, "x", 1, 0), 1);
  EXPECT_EQ(second.read_some(1s).value(), "x");
  ::close(peer);
  ::close(second_peer);
}

}  // namespace
}  // namespace durward::sys
