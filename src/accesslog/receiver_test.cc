// Proves: what peers send is recorded whole and in order across connections and restarts; strangers and
// garbage are refused; waiting for a line means it is on the disk.
#include "accesslog/receiver.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <random>
#include <thread>

#include "accesslog/segment_reader.h"
#include "base/guarded.h"
#include "sys/clock.h"
#include "sys/unix_socket.h"

namespace durward::accesslog {
namespace {

using namespace std::chrono_literals;

class Receiving : public ::testing::Test {
 protected:
  Receiving() {
    std::string pattern = (std::filesystem::temp_directory_path() / "durward-recv-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~Receiving() override { std::filesystem::remove_all(root_); }

  ReceiverOptions options() {
    return {.socket = root_ + "/run/log",
            .allowed_uids = {::geteuid()},
            .segments = {.directory = root_ + "/access", .clock = clock_}};
  }
  std::unique_ptr<Receiver> start(const ReceiverOptions& options) {
    auto receiver = Receiver::start(options);
    EXPECT_TRUE(receiver) << receiver.error().message;
    return receiver ? std::move(*receiver) : nullptr;
  }
  sys::UnixStream connect() {
    auto stream = sys::UnixStream::connect(root_ + "/run/log", 5s);
    EXPECT_TRUE(stream) << stream.error().message;
    return std::move(*stream);
  }
  static std::string frame(const std::string& message) {
    return std::to_string(message.size()) + " " + message;
  }
  static std::string line(std::uint64_t seq, std::uint32_t pid = 4711) {
    return fmt::format(
        "dw1 {} {} 1893456000123 203.0.113.9 51234 https_0 -- 200 5120 12 1267-6B039141-0011 3 "
        "A1B2C3D4E5F60718 - 0a1b2c3d4e5f p00c0ffee|be_pay_main|payments/read-refund|-|- A|0.2 GET "
        "pay.shop.example /v1/refunds/{}",
        seq, pid, seq);
  }
  static void send(sys::UnixStream& to, const std::string& bytes) { ASSERT_TRUE(to.write(bytes, 10s)); }
  std::vector<std::string> recorded() {
    auto reader = SegmentReader::open(root_ + "/access");
    std::vector<std::string> out;
    while (true) {
      const auto item = reader->next();
      EXPECT_TRUE(item);
      if (!item || !*item) return out;
      EXPECT_EQ((*item)->damaged_bytes, 0U);
      out.push_back((*item)->record.payload);
    }
  }
  static bool eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 1'000; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

  sys::SystemClock clock_;
  std::string root_;
};

TEST_F(Receiving, LinesBecomeRecordsAndEvents) {
  Guarded<std::vector<AccessEvent>> events;
  auto options = this->options();
  options.on_event = [&](const AccessEvent& event) { events.lock()->push_back(event); };
  const auto receiver = start(options);
  auto peer = connect();
  send(peer, frame(line(1)) + frame("not an access line") + frame(line(2)));
  ASSERT_TRUE(receiver->wait_for({4711, 2}, 5s));
  EXPECT_EQ(events.lock()->size(), 2U);
  const auto lines = recorded();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], "start " + std::to_string(::getpid()));
  EXPECT_EQ(lines[1], line(1));
  EXPECT_EQ(lines[2], "not an access line");
  EXPECT_EQ(lines[3], line(2));
  const ReceiverStats stats = receiver->stats();
  EXPECT_EQ(stats.lines, 3U);
  EXPECT_EQ(stats.parse_errors, 1U);
  EXPECT_EQ(stats.holes, 0U);
  EXPECT_EQ(stats.connections, 1U);
  EXPECT_EQ(stats.last_error, "ACL001: the line is not an access line of this version");
}

TEST_F(Receiving, StrangersAreRefused) {
  auto options = this->options();
  options.allowed_uids = {::geteuid() + 1};
  const auto receiver = start(options);
  auto peer = connect();
  EXPECT_EQ(peer.read_some(5s).value(), "") << "closed at once";
  EXPECT_EQ(receiver->stats().refused_peers, 1U);
  EXPECT_EQ(receiver->stats().lines, 0U);
}

TEST_F(Receiving, AGarbledStreamIsClosedAndTheOthersGoOn) {
  const auto receiver = start(options());
  auto good = connect();
  auto bad = connect();
  send(good, frame(line(1)));
  send(bad, frame(line(1, 5)) + "<134>1 no octet count");
  EXPECT_EQ(bad.read_some(5s).value_or(""), "");
  send(good, frame(line(2)));
  ASSERT_TRUE(receiver->wait_for({4711, 2}, 5s));
  ASSERT_TRUE(receiver->wait_for({5, 1}, 5s));
  EXPECT_TRUE(eventually([&] { return receiver->stats().garbled == 1; }));
  EXPECT_EQ(receiver->stats().connections, 1U);
  receiver->stop();
  const auto lines = recorded();
  EXPECT_NE(std::ranges::find(lines, "garbled " + std::to_string(::getpid())), lines.end());
}

TEST_F(Receiving, HolesAreRecordedOnceAndCloseFindsTheTail) {
  Guarded<SequenceTracker::Reports> reports;
  auto options = this->options();
  options.sequence.patience = 100ms;
  options.on_report = [&](const SequenceReport& report) { reports.lock()->push_back(report); };
  const auto receiver = start(options);
  auto peer = connect();
  send(peer, frame(line(1)) + frame(line(4)));
  ASSERT_TRUE(eventually([&] { return receiver->stats().holes == 1; }));
  EXPECT_EQ(receiver->stats().lost, 2U);
  EXPECT_FALSE(receiver->close_worker({4711, 6}, 50ms));
  EXPECT_EQ(receiver->stats().lost, 4U);
  EXPECT_EQ(*reports.lock(), (SequenceTracker::Reports{{SequenceReport::Kind::hole, 4711, 2, 3},
                                                       {SequenceReport::Kind::hole, 4711, 5, 6}}));
  const auto lines = recorded();
  EXPECT_EQ((std::vector<std::string>(lines.end() - 3, lines.end())),
            (std::vector<std::string>{"hole 4711 2 3", "hole 4711 5 6", "end 4711 6"}));
  send(peer, frame(line(1, 9)));
  EXPECT_TRUE(receiver->wait_for({9, 1}, 5s));
  EXPECT_TRUE(receiver->close_worker({9, 1}, 5s));
}

TEST_F(Receiving, StopTakesWhatHasComeAndARestartGoesOn) {
  for (std::uint64_t round = 0; round < 3; ++round) {
    const auto receiver = start(options());
    auto peer = connect();
    std::string burst;
    for (std::uint64_t i = 1; i <= 200; ++i) burst += frame(line(200 * round + i));
    send(peer, burst);
    receiver->stop();
    EXPECT_EQ(receiver->stats().lines, 200U);
    EXPECT_EQ(receiver->stats().holes, 0U) << "it knows where the last one ended";
    EXPECT_FALSE(receiver->wait_for({4711, 10'000}, 1s)) << "it has ended";
  }
  const auto lines = recorded();
  EXPECT_EQ(std::ranges::count_if(lines, [](const std::string& text) { return text.starts_with("dw1 "); }),
            600);
  EXPECT_EQ(lines.back(), "stop");
}

TEST_F(Receiving, AWorkerThatEndedWhileNobodyLookedIsRecorded) {
  {
    const auto before = start(options());
    auto one = connect(), other = connect();
    send(one, frame(line(1)) + frame(line(2)));
    send(other, frame(line(1, 9)));
    ASSERT_TRUE(before->wait_for({4711, 2}, 5s));
    ASSERT_TRUE(before->wait_for({9, 1}, 5s));
  }
  const auto receiver = start(options());
  auto other = connect();
  send(other, frame(line(2, 9)));
  receiver->keep_only({9});
  EXPECT_TRUE(eventually([&] {
    const auto lines = recorded();
    return std::ranges::find(lines, "gone 4711 2") != lines.end();
  }));
  EXPECT_TRUE(receiver->wait_for({9, 2}, 5s));
  const auto lines = recorded();
  EXPECT_EQ(std::ranges::count_if(lines, [](const auto& text) { return text.starts_with("gone 9 "); }), 0);
}

class Following : public Receiving {
 protected:
  Following() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ours_ = sys::Fd(ends[0]);
    theirs_ = sys::Fd(ends[1]);
  }
  void show(const std::string& text) { ASSERT_EQ(sys::write_fully(theirs_.get(), text), 0); }
  bool hung_up() {
    char byte = 0;
    return sys::wait_readable(theirs_.get(), sys::deadline_in(5s)) && ::read(theirs_.get(), &byte, 1) == 0;
  }

  sys::Fd ours_, theirs_;
};

TEST_F(Following, TheRestOfAWorkersLinesComeByItsConversation) {
  const auto receiver = start(options());
  {
    auto ring = connect();
    send(ring, frame(line(1)) + frame(line(2)) + frame(line(3)));
    ASSERT_TRUE(receiver->wait_for({4711, 3}, 5s));
  }
  receiver->follow(4711, std::move(ours_));
  show("Proxy https_0 stopped (cumulated conns: FE: 2, BE: 0).\n" + line(1) + "\n" + line(2) + "\n" +
       line(3) + "\n" + line(9, 5) + "\n" + line(4) + "\n" + line(5).substr(0, 40));
  ASSERT_TRUE(receiver->wait_for({4711, 4}, 5s));
  show(line(5).substr(40) + "\n");
  EXPECT_FALSE(receiver->close_worker({4711, 6}, 0ms)) << "the sixth is on its way";
  show(line(6) + "\n");
  receiver->unfollow(4711);
  EXPECT_TRUE(hung_up()) << "this lets the worker end";
  show("\n> ");
  theirs_.reset();
  EXPECT_TRUE(eventually([&] {
    const auto lines = recorded();
    return std::ranges::find(lines, "end 4711 6") != lines.end();
  }));
  EXPECT_TRUE(eventually([&] { return receiver->stats().lines == 6; })) << "each once";
  const ReceiverStats stats = receiver->stats();
  EXPECT_EQ(stats.holes + stats.duplicates + stats.restarts + stats.parse_errors, 0U);
  auto ring = connect();
  send(ring, frame(line(1)));
  EXPECT_TRUE(receiver->wait_for({4711, 1}, 5s)) << "a new worker with this pid";
}

TEST_F(Following, AWorkerThatIsKilledLeavesAHole) {
  const auto receiver = start(options());
  receiver->follow(4711, std::move(ours_));
  show(line(1) + "\n" + line(2).substr(0, 60));
  theirs_.reset();
  EXPECT_FALSE(receiver->close_worker({4711, 3}, 0ms));
  EXPECT_TRUE(eventually([&] {
    const auto lines = recorded();
    return std::ranges::find(lines, "hole 4711 2 3") != lines.end();
  }));
}

TEST_F(Receiving, OnlyOneAtASocket) {
  const auto receiver = start(options());
  EXPECT_EQ(Receiver::start(options()).error().code, "SYS014");
}

TEST_F(Receiving, RandomBytesNeverHurt) {
  const auto receiver = start(options());
  std::mt19937 random(99);
  for (int round = 0; round < 200; ++round) {
    auto peer = connect();
    std::string bytes;
    for (int i = 0; i < 20; ++i) {
      std::string message(1 + random() % 400, 'x');
      for (char& c : message) c = static_cast<char>(random());
      if (random() % 3 == 0)
        message = "dw1 " + std::to_string(random()) + " " + std::to_string(random() % 400) + " " + message;
      bytes += random() % 40 == 0 ? message : frame(message);
    }
    (void)peer.write(bytes, 10s);  // the receiver may hang up in the middle
  }
  // The peers above are gone, but as long as they are not read to their end they count against the bound.
  ASSERT_TRUE(eventually([&] { return receiver->stats().connections < 10; }));
  auto peer = connect();
  send(peer, frame(line(1, 999'999)));
  EXPECT_TRUE(receiver->wait_for({999'999, 1}, 10s));
  receiver->stop();
  EXPECT_GT(receiver->stats().garbled, 0U);
  EXPECT_EQ(receiver->stats().dropped, 0U);
  std::uint64_t lines = 0;
  auto reader = SegmentReader::open(root_ + "/access");
  while (true) {
    const auto item = reader->next();
    ASSERT_TRUE(item);
    if (!*item) break;
    EXPECT_EQ((*item)->damaged_bytes, 0U);
    lines += (*item)->record.kind == RecordKind::line ? 1 : 0;
  }
  EXPECT_EQ(lines, receiver->stats().lines);
}

// The bound is far below what an idle machine does (see the README), so that a busy one does not fail it.
TEST_F(Receiving, KeepsUp) {
  constexpr std::uint64_t total = 30'000;
  std::atomic<std::uint64_t> seen = 0;
  auto options = this->options();
  options.on_event = [&](const AccessEvent&) { ++seen; };
  const auto receiver = start(options);
  std::vector<std::string> bursts;
  for (std::uint64_t seq = 1; seq <= total;) {
    std::string& burst = bursts.emplace_back();
    for (int i = 0; i < 100 && seq <= total; ++i) burst += frame(line(seq++));
  }
  const auto started = std::chrono::steady_clock::now();
  auto peer = connect();
  for (const std::string& burst : bursts) send(peer, burst);
  ASSERT_TRUE(receiver->wait_for({4711, total}, 60s));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  RecordProperty("lines_per_second", static_cast<int>(total / took.count()));
  EXPECT_EQ(seen, total);
  EXPECT_EQ(receiver->stats().holes, 0U);
  EXPECT_LT(took.count(), 20.0);
}

}  // namespace
}  // namespace durward::accesslog
