// Proves: an open stream is found and cut by its number, whatever pointers were used again, and with few
// questions once most of them are known.
#include "dataplane/open_streams.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace durward::dataplane {
namespace {

// Streams as HAProxy keeps them; what was asked.
class FakeHaproxy final : public RuntimeApi {
 public:
  std::map<std::string, std::uint64_t> streams;  // pointer -> number
  unsigned dumps = 0, lists = 0, singles = 0;

  Result<std::string> ask(const std::string& command) override {
    if (command == "show sess all") return ++dumps, dump([](const auto&) { return true; });
    if (command == "show sess") return ++lists, list();
    if (command.starts_with("show sess ")) {
      ++singles;
      return dump([&](const auto& pointer) { return command == "show sess " + pointer; });
    }
    streams.erase(command.substr(std::string("shutdown session ").size()));
    return std::string();
  }
  Result<std::vector<std::string>> ask_all(const std::vector<std::string>& commands) override {
    std::vector<std::string> out;
    for (const auto& command : commands) out.push_back(*ask(command));
    return out;
  }
  bool has(std::uint64_t id) const {
    return std::ranges::any_of(streams, [id](const auto& stream) { return stream.second == id; });
  }
  OpenStreams::Ids open() const {
    OpenStreams::Ids out;
    for (const auto& [pointer, id] : streams) out.insert(id);
    return out;
  }

 private:
  std::string dump(const auto& wanted) const {
    std::string out;
    for (const auto& [pointer, id] : streams)
      if (wanted(pointer))
        out += fmt::format("{}: [23/Nov/2026:00:39:02.969687] id={} proto=tcpv4\n", pointer, id);
    return out;
  }
  std::string list() const {
    std::string out;
    for (const auto& [pointer, id] : streams) out += fmt::format("{}: proto=tcpv4 age=1s\n", pointer);
    return out;
  }
};

class OpenStreamsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (std::uint64_t i = 1; i <= 1'000; ++i) haproxy_.streams[fmt::format("0x{:x}", 4'096 + i)] = i;
  }
  FakeHaproxy haproxy_;
  OpenStreams streams_{haproxy_};
};

TEST_F(OpenStreamsTest, OneDumpServesMany) {
  for (const std::uint64_t id : {7, 500, 999}) {
    EXPECT_EQ(*streams_.cut({id}, haproxy_.open()), 1U);
    EXPECT_FALSE(haproxy_.has(id));
  }
  EXPECT_EQ(haproxy_.dumps, 1U);
  EXPECT_EQ(haproxy_.lists, 0U);
  EXPECT_EQ(haproxy_.streams.size(), 997U);
}

TEST_F(OpenStreamsTest, OnlyWhatIsNewIsAskedFor) {
  EXPECT_EQ(*streams_.cut({7}, haproxy_.open()), 1U);
  haproxy_.streams["0x1007"] = 2'000;  // a pointer that is used again
  haproxy_.streams["0x9999"] = 2'001;
  EXPECT_EQ(*streams_.cut({2'000, 2'001}, haproxy_.open()), 2U);
  EXPECT_EQ(haproxy_.dumps, 1U);
  EXPECT_EQ(haproxy_.lists, 1U);
  EXPECT_LT(haproxy_.singles, 10U);
}

TEST_F(OpenStreamsTest, APointerThatIsUsedAgainIsNeverTheFormerStream) {
  EXPECT_EQ(*streams_.cut({7}, haproxy_.open()), 1U);
  haproxy_.streams["0x1008"] = 3'000;  // 8 has ended, and another has its place
  EXPECT_EQ(*streams_.cut({3'000}, haproxy_.open()), 1U);
  EXPECT_FALSE(haproxy_.has(3'000));
  haproxy_.streams["0x1009"] = 3'001;  // 9 has ended after the table was read
  auto open = haproxy_.open();
  open.insert(9);
  EXPECT_EQ(*streams_.cut({9}, open), 0U);
  EXPECT_TRUE(haproxy_.has(3'001));
}

TEST_F(OpenStreamsTest, ManyStrangersAreAskedForAtOnce) {
  EXPECT_EQ(*streams_.cut({7}, haproxy_.open()), 1U);
  for (std::uint64_t i = 0; i < 500; ++i) haproxy_.streams[fmt::format("0x{:x}", 65'536 + i)] = 5'000 + i;
  EXPECT_EQ(*streams_.cut({5'400}, haproxy_.open()), 1U);
  EXPECT_EQ(haproxy_.dumps, 2U);
}

TEST_F(OpenStreamsTest, AnotherWorkerHasOtherPointers) {
  EXPECT_EQ(*streams_.cut({7}, haproxy_.open()), 1U);
  streams_.forget();
  haproxy_.streams = {{"0x1001", 41}, {"0x1002", 42}};
  EXPECT_EQ(*streams_.cut({42}, haproxy_.open()), 1U);
  EXPECT_TRUE(haproxy_.has(41));
  EXPECT_EQ(*streams_.cut({43}, {41, 43}), 0U);  // it has ended since
}

}  // namespace
}  // namespace durward::dataplane
