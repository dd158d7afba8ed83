// Proves: each Runtime API command is spelt as HAProxy 2.6 reads it, none is longer than it survives, and
// each reply is either on the list or an error.
#include "dataplane/commands.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "dataplane/live.h"
#include "dataplane/runtime_api.h"

namespace durward::dataplane {
namespace {

const SessionRow row{.key = "00AB", .table = 'b', .class_id = 7, .end = 1'800'000'000, .auth_time = 17};

TEST(Commands, AreSpeltAsHaproxyReadsThem) {
  const std::pair<std::string, const char*> table[] = {
      {command::set_session(row),
       "set table durward/sessions_b key 00AB data.gpt0 7 data.gpc0 1800000000 data.gpc1 17"},
      {command::end_session('a', "00AB"),
       "set table durward/sessions_a key 00AB data.gpt0 0 data.gpc0 0 data.gpc1 0"},
      {command::clear_session('a', "00AB"), "clear table durward/sessions_a key 00AB"},
      {command::show_table("durward/streams"), "show table durward/streams"},
      {command::prepare("maps/routes.map"), "prepare map maps/routes.map"},
      {command::commit("maps/routes.map", 3), "commit map @3 maps/routes.map"},
      {command::set_row("m", "k", "v w"), "set map m k v w"},
      {command::del_row("m", "k"), "del map m k"},
      {command::get_row("m", "k"), "get map m k"},
      {command::shutdown_stream("0x55"), "shutdown session 0x55"},
  };
  for (const auto& [made, wanted] : table) EXPECT_EQ(made, wanted);
}

TEST(Commands, RowsTravelAsPayload) {
  const generation::Rows rows{{"a", "1"}, {"b", "2 3"}};
  std::size_t next = 0;
  EXPECT_EQ(command::add_rows("m", 0, rows, next), "add map m <<\na 1\nb 2 3\n");
  EXPECT_EQ(next, 2U);
  next = 1;
  EXPECT_EQ(command::add_rows("m", 4, rows, next), "add map @4 m <<\nb 2 3\n");
}

// Exactly 16 384 bytes kill HAProxy 2.6: whatever the sizes of rows, no command comes near, and none is lost.
TEST(Commands, AreNeverTooLong) {
  for (std::size_t size = 1; size < 14'900; size = size * 3 / 2 + 1) {
    generation::Rows rows;
    for (unsigned i = 0; i < 60; ++i) rows.emplace_back(fmt::format("key{}", i), std::string(size, 'v'));
    std::size_t sent = 0;
    for (std::size_t next = 0; next < rows.size();) {
      const std::size_t first = next;
      const std::string command = command::add_rows("../../runtime/verdicts.map", 1'000'000, rows, next);
      ASSERT_GT(next, first);
      EXPECT_LT(command.size(), command_bytes_max);
      sent += next - first;
    }
    EXPECT_EQ(sent, rows.size());
  }
}

TEST(Commands, ARowThatFitsIntoNoCommandIsNoCommand) {
  const generation::Rows rows{{"k", std::string(command_bytes_max, 'v')}};
  std::size_t next = 0;
  EXPECT_EQ(command::add_rows("m", 0, rows, next), "");
  EXPECT_EQ(next, 0U);
}

TEST(Commands, ThatAreTooLongAreNotSentAtAll) {
  WorkerApi worker("/nonexistent/socket");
  EXPECT_EQ(worker.ask(std::string(command_bytes_max + 1, 'x')).error().code, "DAT003");
  EXPECT_EQ(worker.ask("show info").error().code, "DAT001");
  const MasterApi master("/nonexistent/socket");
  EXPECT_EQ(master.ask(std::string(command_bytes_max + 1, 'x')).error().code, "DAT003");
  EXPECT_EQ(master.ask("show proc").error().code, "DAT002");
}

// ---- replies

template <class T>
std::string code(const Result<T>& result) {
  return result ? "" : result.error().code;
}

TEST(Replies, OfChanges) {
  for (const char* fine : {"", "\n", "\n\n"}) EXPECT_TRUE(expect_empty(fine)) << fine;
  for (const char* other :
       {"Unknown map identifier. Please use #<id> or <file>.\n", "Unknown command: 'x'\n",
        "Version number out of range.\n", "Missing value for key 'x'.\n", "Permission denied\n", "Done.\n"}) {
    EXPECT_EQ(code(expect_empty(other)), "DAT010") << other;
    EXPECT_EQ(code(read_changed(other)), "DAT010") << other;
    EXPECT_EQ(code(expect_cleared(other)), "DAT010") << other;
    EXPECT_EQ(code(read_version(other)), "DAT010") << other;
    EXPECT_EQ(code(read_row(other)), "DAT010") << other;
    EXPECT_EQ(code(read_table(other)), "DAT010") << other;
    EXPECT_EQ(code(read_processes(other)), "DAT010") << other;
    EXPECT_EQ(code(read_pid(other)), "DAT010") << other;
  }
  EXPECT_TRUE(expect_cleared("\n"));
  EXPECT_TRUE(expect_cleared("Entry currently in use, cannot remove\n"));
  EXPECT_TRUE(read_changed("\n").value());
  EXPECT_FALSE(read_changed("Key not found.\n").value());
  EXPECT_FALSE(read_changed("entry not found.\n").value());
}

TEST(Replies, NeverCarryControlBytesIntoMessages) {
  const auto refused = expect_empty("evil\x1b[31m\x07");
  EXPECT_EQ(refused.error().message.find('\x1b'), std::string::npos);
}

TEST(Replies, OfPrepare) {
  EXPECT_EQ(read_version("New version created: 12\n").value(), 12U);
  for (const char* other : {"New version created: \n", "New version created: x\n", "12\n", ""})
    EXPECT_EQ(code(read_version(other)), "DAT010") << other;
}

TEST(Replies, OfGetMap) {
  EXPECT_EQ(
      read_row("type=str, case=sensitive, found=yes, idx=tree, key=\"a\", value=\"p1|x|-\", type=\"str\"\n")
          .value(),
      "p1|x|-");
  EXPECT_EQ(read_row("type=str, case=sensitive, found=no\n").value(), std::nullopt);
  EXPECT_EQ(code(read_row("type=str, case=sensitive, found=yes, idx=tree\n")), "DAT010");
}

TEST(Replies, OfShowTable) {
  const auto rows = read_table(
      "# table: durward/streams, type: string, size:1048576, used:2\n"
      "0x55eb9beafe00: key=00AB@12 use=1 exp=0 conn_cur=1\n"
      "0x55eb9beafe80: key=00AC@9 use=0 exp=1900 conn_cur=0\n\n");
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(0).key, "00AB@12");
  EXPECT_EQ(rows->at(0).use, 1U);
  EXPECT_EQ(rows->at(1).use, 0U);
  EXPECT_TRUE(read_table("# table: t, type: string, size:100, used:0\n\n")->empty());
}

TEST(Replies, OfShowSess) {
  const auto streams = read_streams(
      "0x55eb9bd952e0: [23/Nov/2026:02:28:53.379876] id=2 proto=unix_stream source=unix:1\n"
      "  flags=0x8, conn_retries=0, conn_exp=<NEVER> conn_et=0x000 srv_conn=(nil), id=77\n"
      "  frontend=GLOBAL (id=0 mode=tcp), listener=? (id=1) addr=unix:1\n"
      "0x55eb9bd95000: [23/Nov/2026:02:28:54.000000] id=4294967297 proto=tcpv4 source=127.0.0.1:5\n\n");
  ASSERT_EQ(streams.size(), 2U);
  EXPECT_EQ(streams[0].pointer, "0x55eb9bd952e0");
  EXPECT_EQ(streams[0].id, 2U);
  EXPECT_EQ(streams[1].id, 4'294'967'297U);
  EXPECT_TRUE(read_streams("Session not found.\n").empty());
}

TEST(Replies, OfShowSessInShort) {
  const auto pointers = read_stream_pointers(
      "0x55eb9bd952e0: proto=tcpv4 src=127.0.0.1:5 fe=a be=b srv=c ts=00 epoch=0 age=1m calls=2 rate=0\n"
      "0x55eb9bd95000: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> ts=00 age=0s\n"
      "0x55;x: proto=\n\n");
  EXPECT_EQ(pointers, (std::vector<std::string>{"0x55eb9bd952e0", "0x55eb9bd95000"}));
}

TEST(Replies, OfShowSessTheRings) {
  EXPECT_EQ(
      read_ring_streams("0x55eb9bd952e0: [23/Nov/2026:02:28:53.379876] id=2 proto=?\n"
                        "  flags=0x42, conn_retries=0\n"
                        "  frontend=durward_access (id=9 mode=tcp), listener=? (id=0)\n"
                        "  backend=durward_access (id=9 mode=tcp) addr=unix\n"
                        "0x55eb9bd95000: [23/Nov/2026:02:28:54.000000] id=3 proto=tcpv4 source=127.0.0.1:5\n"
                        "  frontend=https_0 (id=2 mode=http), listener=? (id=1)\n\n",
                        "durward_access"),
      std::vector<std::string>{"0x55eb9bd952e0"});
  EXPECT_TRUE(read_ring_streams("  frontend=durward_access (id=9 mode=tcp)\n", "durward_access").empty());
}

TEST(Replies, OfShowInfoWhetherDrained) {
  EXPECT_TRUE(read_drained("Name: HAProxy\nStopping: 1\nCurrConns: 0\n\n"));
  EXPECT_FALSE(read_drained("Name: HAProxy\nStopping: 1\nCurrConns: 10\n\n"));
  EXPECT_FALSE(read_drained("Name: HAProxy\nStopping: 0\nCurrConns: 0\n\n")) << "it takes new ones";
  EXPECT_TRUE(read_drained("\n")) << "it has gone";
  EXPECT_FALSE(read_drained("Unknown command\n"));
}

constexpr const char* head =
    "#<PID>          <type>          <reloads>       <uptime>        <version>      \n";

TEST(Replies, OfShowProc) {
  const auto one = read_processes(std::string(head) +
                                  "20974           master          0 [failed: 0]   0d00h00m01s     2.6.12\n"
                                  "# workers\n"
                                  "20977           worker          0               0d00h00m01s     2.6.12\n"
                                  "# programs\n\n");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->master, 20974);
  EXPECT_EQ(one->worker, 20977);
  EXPECT_TRUE(one->old_workers.empty());
  EXPECT_EQ(one->failed_reloads, 0);
  const auto several =
      read_processes(std::string(head) +
                     "20974           master          3 [failed: 2]   0d00h00m01s     2.6.12\n"
                     "# workers\n"
                     "21040           worker          0               0d00h00m01s     2.6.12\n"
                     "# old workers\n"
                     "20977           worker          1               0d00h00m01s     2.6.12\n"
                     "20976           worker          2               0d00h00m01s     2.6.12\n"
                     "# programs\n20990 worker-like 1 0d 2.6.12\n\n");
  ASSERT_TRUE(several);
  EXPECT_EQ(several->worker, 21040);
  EXPECT_EQ(several->old_workers, (std::vector<int>{20977, 20976}));
  EXPECT_EQ(several->failed_reloads, 2);
  const auto none = read_processes(std::string(head) + "7 master 0 [failed: 0] 0d 2.6.12\n# workers\n");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->worker, 0);
  EXPECT_EQ(code(read_processes("")), "DAT010");
}

TEST(Replies, OfShowInfo) {
  EXPECT_EQ(read_pid("Name: HAProxy\nNbproc: 1\nPid: 4711\nUptime: 0d\n").value(), 4711);
  EXPECT_EQ(code(read_pid("Pid: x\n")), "DAT010");
}

}  // namespace
}  // namespace durward::dataplane
