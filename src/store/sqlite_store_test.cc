// Proves: the SQLite store survives kill -9 with every acknowledged write, refuses files that are damaged,
// foreign or from the future, says so when the disk is full, and then goes on. (Its semantics:
// store_contract_test.cc.)
#include "store/sqlite_store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sys/file_store.h"
#include "testing/fake_clock.h"

namespace durward::store {
namespace {

using namespace std::chrono_literals;

class SqliteFile : public ::testing::Test {
 protected:
  SqliteFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "durward-store-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    path_ = root_ + "/state.db";
  }
  ~SqliteFile() override { std::filesystem::remove_all(root_); }

  std::unique_ptr<Store> open() {
    auto opened = open_sqlite({path_, clock_});
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  Error refused() {
    auto opened = open_sqlite({path_, clock_});
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }
  void execute(const char* sql) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    sqlite3_close(handle);
  }
  // A store of some hundred pages, closed (so that all is in the main file).
  void fill() {
    const auto store = open();
    Transaction many;
    for (int i = 0; i < 2'000; ++i) many.puts.push_back({"key/" + std::to_string(i), std::string(500, 'v')});
    ASSERT_TRUE(store->transact(many));
  }

  testing::FakeClock clock_;
  std::string root_;
  std::string path_;
};

TEST_F(SqliteFile, IsPrivate) {
  const auto store = open();
  ASSERT_TRUE(store->transact({{}, {{"a", "1"}}, {}}));
  const auto names = sys::list_files(root_).value();
  for (const std::string& name : names) {
    struct stat info {};
    ASSERT_EQ(::stat((root_ + "/" + name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << name;
  }
}

TEST_F(SqliteFile, EverythingSurvivesAReopen) {
  LeaseId lease = 0;
  {
    const auto store = open();
    lease = store->grant(60s).value();
    ASSERT_TRUE(store->transact({{}, {{"a", "1", lease}, {"b", "1"}}, {}}));
    ASSERT_TRUE(store->transact({{}, {{"b", "2"}}, {}}));
  }
  const auto store = open();
  EXPECT_EQ(store->revision().value(), 2U);
  EXPECT_EQ(store->get("b", 1).value()->value, "1");
  EXPECT_EQ(store->wait("", 0, 0ms).value().size(), 3U);
  EXPECT_GT(store->grant(1s).value(), lease) << "lease ids are never used twice";
  clock_.advance(61s);
  EXPECT_EQ(store->expire().value(), 1U);
}

TEST_F(SqliteFile, TwoOpenStoresSeeEachOther) {
  const auto one = open();
  const auto two = open();
  std::thread writer([&] {
    std::this_thread::sleep_for(50ms);
    ASSERT_TRUE(one->transact({{}, {{"a", "1"}}, {}}));
  });
  EXPECT_EQ(two->wait("", 0, 10s).value().size(), 1U);
  writer.join();
  EXPECT_TRUE(two->transact({{{"a", 1}}, {{"a", "2"}}, {}})->applied);
  EXPECT_EQ(one->get("a").value()->value, "2");
}

TEST_F(SqliteFile, AcknowledgedWritesSurviveKill9) {
  for (int round = 0; round < 3; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const std::string prefix = "round" + std::to_string(round) + "/";
    const pid_t child = ::fork();
    if (child == 0) {
      auto opened = open_sqlite({path_, clock_});
      for (int i = 0; opened; ++i) {
        const auto done =
            (*opened)->transact({{}, {{prefix + std::to_string(i), std::string(300, 'x')}}, {}});
        if (!done || ::write(ends[1], &i, sizeof(i)) != sizeof(i)) break;
      }
      ::_exit(1);
    }
    ::close(ends[1]);
    int acknowledged = -1;
    int next = 0;
    while (::read(ends[0], &next, sizeof(next)) == sizeof(next)) {
      acknowledged = next;
      if (next == 100 + 37 * round) ::kill(child, SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    ::close(ends[0]);
    const auto store = open();
    ASSERT_NE(store, nullptr);
    const auto entries = store->list(prefix).value();
    EXPECT_GE(entries.size(), static_cast<std::size_t>(acknowledged) + 1);
    EXPECT_LE(entries.size(), static_cast<std::size_t>(acknowledged) + 2);
  }
}

TEST_F(SqliteFile, ANewerSchemaIsRefusedAndLeftAlone) {
  open().reset();
  execute("UPDATE meta SET value = 999 WHERE name = 'schema'");
  const Error error = refused();
  EXPECT_EQ(error.code, "STO005");
  EXPECT_NE(error.message.find("schema 999"), std::string::npos);
  EXPECT_FALSE(error.hint.empty());
}

TEST_F(SqliteFile, AnotherProgramsDatabaseIsRefusedAndLeftAlone) {
  execute("CREATE TABLE notes (text TEXT)");
  const std::string before = sys::read_file(path_).value();
  EXPECT_EQ(refused().code, "STO003");
  EXPECT_EQ(sys::read_file(path_).value(), before);
}

TEST_F(SqliteFile, AFileThatIsNoDatabaseIsRefusedAndLeftAlone) {
  ASSERT_TRUE(sys::write_file(path_, std::string(8'192, 'x')));
  const Error error = refused();
  EXPECT_EQ(error.code, "STO003");
  EXPECT_NE(error.message.find(path_), std::string::npos);
  EXPECT_EQ(sys::read_file(path_).value(), std::string(8'192, 'x'));
}

TEST_F(SqliteFile, TruncationIsFound) {
  fill();
  const auto size = std::filesystem::file_size(path_);
  for (const auto left : {size / 2, size - 4'096, std::uintmax_t{4'096}, std::uintmax_t{100}}) {
    SCOPED_TRACE(left);
    std::filesystem::resize_file(path_, left);
    const Error error = refused();
    EXPECT_EQ(error.code, "STO003");
    EXPECT_NE(error.message.find(path_), std::string::npos);
    EXPECT_FALSE(error.hint.empty());
  }
}

TEST_F(SqliteFile, DamageInThePagesIsFound) {
  fill();
  const std::string good = sys::read_file(path_).value();
  for (std::size_t page = 1; page * 4'096 < good.size(); page += 17) {
    SCOPED_TRACE(page);
    std::string bad = good;
    bad.replace(page * 4'096, 64, std::string(64, '\xa5'));  // the page's header
    ASSERT_TRUE(sys::write_file(path_, bad));
    EXPECT_EQ(refused().code, "STO003");
  }
}

TEST_F(SqliteFile, AMissingOrForbiddenPlaceIsSaid) {
  path_ = root_ + "/none/state.db";
  EXPECT_EQ(refused().code, "STO003");
  path_ = root_;
  EXPECT_EQ(refused().code, "STO003");
}

TEST_F(SqliteFile, AFullDiskIsSto002AndTheStoreGoesOn) {
  const auto store = open();
  ASSERT_TRUE(store->transact({{}, {{"before", "1"}}, {}}));
  rlimit usual{};
  ::getrlimit(RLIMIT_FSIZE, &usual);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = usual;
  tight.rlim_cur = 256 * 1024;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  Transaction large;
  for (int i = 0; i < 1'000; ++i) large.puts.push_back({"k" + std::to_string(i), std::string(1'000, 'v')});
  const auto refused = store->transact(large);
  ::setrlimit(RLIMIT_FSIZE, &usual);
  std::signal(SIGXFSZ, old);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "STO002");
  EXPECT_EQ(store->revision().value(), 1U);
  EXPECT_EQ(store->list("").value().size(), 1U);
  EXPECT_EQ(store->transact(large)->revision, 2U);
}

TEST_F(SqliteFile, ALockedStoreIsSto001) {
  const auto store = open();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_EQ(store->transact({{}, {{"a", "1"}}, {}}).error().code, "STO001");  // after the busy time-out
  EXPECT_EQ(store->list("").value().size(), 0U) << "reads go on";
  sqlite3_close(other);
  EXPECT_TRUE(store->transact({{}, {{"a", "1"}}, {}})->applied);
}

TEST_F(SqliteFile, CompactionGivesThePagesBack) {
  const auto store = open();
  Transaction wide;
  for (int i = 0; i < 100; ++i) wide.puts.push_back({"k" + std::to_string(i), std::string(1'000, 'v')});
  const auto fill_and_compact = [&] {
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(store->transact(wide));
    ASSERT_TRUE(store->compact(store->revision().value()));
  };
  fill_and_compact();
  const auto size = std::filesystem::file_size(path_);
  for (int i = 0; i < 4; ++i) fill_and_compact();
  EXPECT_LT(std::filesystem::file_size(path_), size * 3 / 2);
  EXPECT_EQ(store->list("").value().size(), 100U);
}

}  // namespace
}  // namespace durward::store
