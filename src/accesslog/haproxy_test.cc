// Proves: with a real HAProxy of two threads every request, readable or not, gives one line, the numbers are
// dense, and a reload is followed without a hole.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include "accesslog/receiver.h"
#include "accesslog/segment_reader.h"
#include "base/guarded.h"
#include "sys/clock.h"
#include "sys/file_store.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace durward::accesslog {
namespace {

using namespace std::chrono_literals;

const std::string haproxy = "/usr/sbin/haproxy";

constexpr const char* format =
    "\"dw1 %[sc0_inc_gpc0(seq)] %pid %Ts%ms %[src] %[src_port] %f %ts %ST %B %Ta %ID %[var(txn.c)] "
    "%[var(txn.key),bytes(0,16)] %[var(txn.why)] - %[var(txn.r)] %[var(txn.v)] %HM %[var(txn.host)] %HPO\"";

std::string configuration(const std::string& root) {
  return "global\n  nbthread 2\n  stats socket " + root +
         "/run/admin mode 600 level admin expose-fd listeners\n"
         "ring access\n  format raw\n  maxlen 16384\n  size 4194304\n  timeout connect 1s\n  timeout server "
         "5s\n"
         "  server l unix@" +
         root +
         "/run/log log-proto octet-count\n"
         "defaults\n  mode http\n  timeout client 10s\n  timeout connect 1s\n  timeout server 10s\n"
         "backend seq\n  stick-table type integer size 10 store gpc0\n"
         "frontend first\n  bind unix@" +
         root +
         "/run/http mode 600\n"
         "  tcp-request connection track-sc0 int(1) table seq\n"
         "  unique-id-format %{+X}o%pid-%Ts-%rt\n"
         "  log ring@access len 16384 format raw local0 info\n"
         "  log-format " +
         format + "\n  error-log-format " + format +
         "\n"
         "  http-request set-var(txn.host) req.fhdr(host)\n"
         "  http-request set-var(txn.why) str(no_route) if { path /denied }\n"
         "  http-request return status 403 if { path /denied }\n"
         "  http-request return status 200 content-type text/plain string ok\n";
}

class WithHaproxy : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!sys::exists(haproxy)) GTEST_SKIP() << haproxy << " is not installed";
    std::string pattern = (std::filesystem::temp_directory_path() / "durward-hap-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    ASSERT_TRUE(sys::write_file(root_ + "/haproxy.cfg", configuration(root_)));
    auto receiver =
        Receiver::start({.socket = root_ + "/run/log",
                         .allowed_uids = {::geteuid()},
                         .segments = {.directory = root_ + "/access", .clock = clock_},
                         .on_event = [this](const AccessEvent& event) { events_.lock()->push_back(event); }});
    ASSERT_TRUE(receiver) << receiver.error().message;
    receiver_ = std::move(*receiver);
  }
  void TearDown() override {
    for (const int pid : started_) ::kill(pid, SIGKILL);
    if (!root_.empty()) std::filesystem::remove_all(root_);
  }

  static bool eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 1'000; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }
  // Starts a worker, taking over from `old` when that is given. Returns its pid.
  int start_haproxy(std::vector<std::string> more = {}) {
    std::vector<std::string> command{haproxy, "-db", "-f", root_ + "/haproxy.cfg"};
    command.insert(command.end(), more.begin(), more.end());
    const auto pid = sys::start_detached({command, root_ + "/haproxy.log", root_});
    EXPECT_TRUE(pid) << pid.error().message;
    started_.push_back(*pid);
    EXPECT_TRUE(eventually([&] {
      return ask(root_ + "/run/admin", "show info\n").find("Pid: " + std::to_string(*pid)) !=
             std::string::npos;
    })) << sys::read_file(root_ + "/haproxy.log").value_or("");
    return *pid;
  }
  static std::string ask(const std::string& socket, const std::string& text) {
    auto stream = sys::UnixStream::connect(socket, 5s);
    if (!stream || !stream->write(text, 5s)) return "";
    stream->half_close();
    return stream->read_all(1U << 20, 5s).value_or("");
  }
  std::uint64_t last_number() {
    const std::string table = ask(root_ + "/run/admin", "show table seq\n");
    const std::size_t at = table.find("gpc0=");
    return at == std::string::npos ? 0 : std::stoull(table.substr(at + 5));
  }
  // `count` requests over keep-alive connections of `per_connection` each.
  void requests(int count, int per_connection, const std::string& path) {
    for (int done = 0; done < count;) {
      auto stream = sys::UnixStream::connect(root_ + "/run/http", 5s);
      ASSERT_TRUE(stream) << stream.error().message;
      for (int i = 0; i < per_connection && done < count; ++i, ++done) {
        ASSERT_TRUE(stream->write("GET " + path + " HTTP/1.1\r\nHost: pay.example\r\n\r\n", 5s));
        ASSERT_TRUE(stream->read_until("ok", 4'096, 5s));
      }
    }
  }

  sys::SystemClock clock_;
  std::string root_;
  Guarded<std::vector<AccessEvent>> events_;
  std::unique_ptr<Receiver> receiver_;
  std::vector<int> started_;
};

TEST_F(WithHaproxy, FiveThousandRequestsOfAllKindsAreDense) {
  const auto pid = static_cast<std::uint32_t>(start_haproxy());
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back([&] { requests(1'200, 100, "/v1/refunds?secret=1"); });
  for (auto& client : clients) client.join();
  const std::vector<std::string> oddities{
      "GET /denied HTTP/1.1\r\nHost: a b\tc\xff\r\nConnection: close\r\n\r\n",
      "\x16\x03\x01 no HTTP\r\n\r\n",
      "GET /bad\x01path HTTP/1.1\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
      "GET /x\"#y HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /x\"|y HTTP/1.0\r\n\r\n"};
  for (int i = 0; i < 200; ++i)
    ask(root_ + "/run/http", oddities[static_cast<std::size_t>(i) % oddities.size()]);

  const std::uint64_t last = last_number();
  EXPECT_GE(last, 5'000U);
  ASSERT_TRUE(receiver_->wait_for({pid, last}, 10s));
  const ReceiverStats stats = receiver_->stats();
  EXPECT_EQ(stats.holes, 0U);
  EXPECT_EQ(stats.duplicates, 0U);
  EXPECT_EQ(stats.lines, last);
  EXPECT_EQ(stats.parse_errors, 0U) << stats.last_error;
  std::set<std::uint64_t> numbers;
  std::map<std::uint16_t, int> statuses;
  for (const AccessEvent& event : *events_.lock()) {
    EXPECT_TRUE(numbers.insert(event.seq).second);
    EXPECT_EQ(event.pid, pid);
    ++statuses[event.status];
    EXPECT_EQ(event.path.find("secret"), std::string::npos);
    EXPECT_EQ(event.why == "no_route", event.host == "a#20b#09c#FF");
  }
  EXPECT_EQ(numbers.size(), last);
  EXPECT_EQ(*numbers.rbegin(), last);
  EXPECT_GE(statuses[200], 4'800);
  EXPECT_GT(statuses[400], 0);
  EXPECT_GT(statuses[403], 0);
}

TEST_F(WithHaproxy, AReloadIsFollowedWithoutAHole) {
  const int first = start_haproxy();
  requests(300, 50, "/before");
  const std::uint64_t last = last_number();
  EXPECT_EQ(last, 300U);
  const auto old_line = LineNumber{static_cast<std::uint32_t>(first), last};
  ASSERT_TRUE(receiver_->wait_for(old_line, 10s));
  const int second = start_haproxy({"-sf", std::to_string(first), "-x", root_ + "/run/admin"});
  EXPECT_TRUE(receiver_->close_worker(old_line, 5s));
  requests(100, 50, "/after");
  ASSERT_TRUE(receiver_->wait_for({static_cast<std::uint32_t>(second), 100}, 10s));
  EXPECT_EQ(receiver_->stats().holes, 0U);
  EXPECT_EQ(receiver_->stats().lines, 400U);
}

}  // namespace
}  // namespace durward::accesslog
