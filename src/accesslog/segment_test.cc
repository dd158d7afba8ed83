// Proves: records survive restarts, rotation, retention, torn ends and flipped bytes; what is lost is said;
// the example in docs/formats/access-log.md is what the code writes, byte for byte.
#include "accesslog/segment.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "accesslog/record.h"
#include "accesslog/segment_reader.h"
#include "accesslog/segment_writer.h"
#include "base/text.h"
#include "sys/file_store.h"
#include "testing/fake_clock.h"

namespace durward::accesslog {
namespace {

using namespace std::chrono_literals;

class Segments : public ::testing::Test {
 protected:
  Segments() {
    std::string pattern = (std::filesystem::temp_directory_path() / "durward-log-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    options_.directory = root_ + "/access";
  }
  ~Segments() override { std::filesystem::remove_all(root_); }

  SegmentWriter open() {
    tracker_ = SequenceTracker();
    auto writer = SegmentWriter::open(options_, tracker_);
    EXPECT_TRUE(writer) << writer.error().message;
    return std::move(*writer);
  }
  void line(SegmentWriter& writer, std::uint64_t seq, const std::string& rest = "x") {
    SequenceTracker::Reports reports;
    tracker_.observe(1, seq, clock_.steady(), reports);
    writer.line("dw1 " + std::to_string(seq) + " 1 " + rest, now_ms());
    for (const auto& report : reports) writer.event(to_event(report));
  }
  std::int64_t now_ms() {
    return std::chrono::floor<std::chrono::milliseconds>(clock_.now()).time_since_epoch().count();
  }
  std::string path(std::size_t index) {
    return root_ + "/access/" + segment_file(list_segments(root_ + "/access").value().at(index));
  }
  // Payloads, with damage as "!bytes".
  std::vector<std::string> read(std::chrono::sys_time<std::chrono::milliseconds> from = {}) {
    auto reader = SegmentReader::open(root_ + "/access", from);
    EXPECT_TRUE(reader);
    std::vector<std::string> out;
    while (true) {
      const auto item = reader->next();
      EXPECT_TRUE(item) << item.error().message;
      if (!item || !*item) return out;
      const auto& [segment, offset, damaged, record] = **item;
      out.push_back(damaged > 0 ? "!" + std::to_string(damaged) : record.payload);
    }
  }

  testing::FakeClock clock_;
  std::string root_;
  SegmentOptions options_{.directory = {}, .clock = clock_};
  SequenceTracker tracker_;
};

using Lines = std::vector<std::string>;

TEST(Record, AnyBytesComeBackOnOneLine) {
  std::mt19937 random(3);
  for (int round = 0; round < 2'000; ++round) {
    std::string bytes(random() % 200, 'x');
    for (char& c : bytes) c = static_cast<char>(round % 2 == 0 ? random() : 0x20 + random() % 95);
    std::string written;
    append_record(written, RecordKind::line, 1'700'000'000'123, bytes);
    ASSERT_EQ(written.find('\n'), written.size() - 1);
    const auto record = read_record(std::string_view(written).substr(0, written.size() - 1));
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(*record, (Record{RecordKind::line, 1'700'000'000'123, bytes}));
  }
}

TEST(Record, AnyFlippedBitIsFound) {
  std::string written;
  append_record(written, RecordKind::line, 1'700'000'000'123, "dw1 1 2 3");
  written.pop_back();
  for (std::size_t bit = 0; bit < written.size() * 8; ++bit) {
    std::string bad = written;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    const bool only_case = bit / 8 < 8 && std::isalpha(written[bit / 8]) && bit % 8 == 5;
    EXPECT_EQ(read_record(bad).has_value(), only_case) << bit;
  }
  for (std::size_t size = 0; size < written.size(); ++size)
    EXPECT_FALSE(read_record(written.substr(0, size)));
}

TEST(Record, TheChecksumIsCastagnolis) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);  // RFC 3720 B.4
}

TEST(Event, TextAndBack) {
  for (unsigned kind = 0; kind <= static_cast<unsigned>(Event::Kind::removed); ++kind) {
    std::optional<Event> event;
    for (std::size_t numbers = 0; numbers < 4 && !event; ++numbers) {
      const Event attempt{static_cast<Event::Kind>(kind),
                          std::vector<std::uint64_t>(numbers, 18446744073709551615U)};
      event = parse_event(event_text(attempt));
      if (event) {
        EXPECT_EQ(*event, attempt);
      }
    }
    EXPECT_TRUE(event) << kind;
  }
  for (const char* bad :
       {"", "hole", "hole 1 2", "hole 1 2 3 4", "hole 1 2 x", "hole 1  2", "holes 1 2 3", " stop"}) {
    EXPECT_FALSE(parse_event(bad)) << bad;
  }
}

TEST(SegmentFile, NameAndBack) {
  ::setenv("TZ", "America/New_York", 1);  // NOLINT(concurrency-mt-unsafe): one thread
  ::tzset();                              // NOLINT(concurrency-mt-unsafe)
  const SegmentName name{std::chrono::sys_days{std::chrono::year{2030} / 7 / 1} + 12h + 34min + 56s, 42};
  EXPECT_EQ(segment_file(name), "access-20300701T123456Z-00000042.log");
  const auto back = parse_segment_file(segment_file(name));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->started, name.started);
  EXPECT_EQ(back->number, 42U);
  EXPECT_TRUE(parse_segment_file("access-20300701T123456Z-123456789012.log"));
  for (const char* bad : {"access-20300701T123456Z-0.log", "access-20301301T123456Z-1.log", "access-x-1.log",
                          "access-20300701T123456Z-1.log.tmp", "access-20300701T246060Z-1.log", "other"}) {
    EXPECT_FALSE(parse_segment_file(bad)) << bad;
  }
}

TEST_F(Segments, WrittenIsRead) {
  auto writer = open();
  line(writer, 1);
  line(writer, 2, "\x01\xff\n\\");
  writer.event({Event::Kind::garbled, {7}});
  ASSERT_TRUE(writer.settle());
  EXPECT_EQ(read(), (Lines{"dw1 1 1 x", "dw1 2 1 \x01\xff\n\\", "garbled 7"}));
}

TEST_F(Segments, ReadsFromATimeOn) {
  options_.segment_age = 1h;
  auto writer = open();
  const auto start = std::chrono::floor<std::chrono::milliseconds>(clock_.now());
  for (std::uint64_t seq = 1; seq <= 6; ++seq) {
    line(writer, seq);
    writer.maintain(tracker_);
    clock_.advance(30min);
  }
  ASSERT_TRUE(writer.settle());
  EXPECT_GE(list_segments(root_ + "/access")->size(), 3U);
  EXPECT_EQ(read(start + 2h + 30min), (Lines{"dw1 6 1 x"}));
  EXPECT_EQ(read(start + 24h), Lines{});
  EXPECT_EQ(read(start - 24h).front(), "dw1 1 1 x");
}

TEST_F(Segments, RotatesBySizeAndCarriesPositions) {
  options_.segment_bytes = 1'000;
  auto writer = open();
  for (std::uint64_t seq = 1; seq <= 100; ++seq) {
    line(writer, seq);
    writer.maintain(tracker_);
  }
  ASSERT_TRUE(writer.settle());
  const auto names = list_segments(root_ + "/access").value();
  EXPECT_GT(names.size(), 2U);
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(names[i].number, i + 1);
  Lines lines = read();
  EXPECT_GT(std::erase_if(lines, [](const std::string& text) { return text.starts_with("position 1 "); }),
            1U);
  ASSERT_EQ(lines.size(), 100U);
  EXPECT_EQ(lines[99], "dw1 100 1 x");
}

TEST_F(Segments, RetentionDeletesTheOldestAndSaysSo) {
  options_.segment_bytes = 2'000;
  options_.keep_bytes = 7'000;
  auto writer = open();
  for (std::uint64_t seq = 1; seq <= 500; ++seq) {
    line(writer, seq);
    writer.maintain(tracker_);
  }
  ASSERT_TRUE(writer.settle());
  const auto names = list_segments(root_ + "/access").value();
  EXPECT_LE(names.size(), 5U);
  const Lines lines = read();
  const std::string last_removed = "removed " + std::to_string(names.front().number - 1);
  EXPECT_NE(std::ranges::find(lines, last_removed), lines.end());

  clock_.advance(std::chrono::days(91));
  writer.maintain(tracker_);
  ASSERT_TRUE(writer.settle());
  EXPECT_EQ(list_segments(root_ + "/access")->size(), 2U)
      << "the present one and the one that ended just now";
}

TEST_F(Segments, ARestartKnowsWhereItWas) {
  {
    auto writer = open();
    for (const std::uint64_t seq : {1U, 2U, 3U, 5U, 6U}) line(writer, seq);
    ASSERT_TRUE(writer.settle());
  }
  auto writer = open();
  EXPECT_EQ(tracker_.settled(1), 6U) << "missing at the end of a run is missing";
  line(writer, 4);  // overtaken by 5 and 6 before the restart
  line(writer, 7);
  EXPECT_EQ(tracker_.settled(1), 7U);
  ASSERT_TRUE(writer.settle());
  const Lines lines = read();
  EXPECT_EQ(lines.back(), "dw1 7 1 x");
  for (const char* said : {"hole 1 4 4", "late 1 4"})
    EXPECT_NE(std::ranges::find(lines, said), lines.end()) << said;
}

TEST_F(Segments, AHoleIsNotRecordedTwiceAcrossARestart) {
  {
    auto writer = open();
    line(writer, 1);
    line(writer, 2'000);
    ASSERT_TRUE(writer.settle());
    EXPECT_EQ(read().back(), "hole 1 2 1999");
  }
  auto writer = open();
  EXPECT_EQ(tracker_.settled(1), 2'000U);
  SequenceTracker::Reports reports;
  clock_.advance(1h);
  tracker_.tick(clock_.steady(), reports);
  EXPECT_TRUE(reports.empty());
}

TEST_F(Segments, AnEndedWorkerIsForgotten) {
  {
    auto writer = open();
    line(writer, 1);
    writer.event({Event::Kind::end, {1, 1}});
    ASSERT_TRUE(writer.settle());
  }
  open();
  EXPECT_TRUE(tracker_.positions().empty());
}

TEST_F(Segments, EveryTornEndIsCutAndSaid) {
  {
    auto writer = open();
    line(writer, 1);
    line(writer, 2);
    ASSERT_TRUE(writer.settle());
  }
  const std::string whole = sys::read_file(path(0)).value();
  const std::size_t first = whole.find('\n') + 1;
  const std::size_t second = whole.find('\n', first) + 1;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    std::filesystem::remove_all(root_ + "/access/");
    ASSERT_TRUE(sys::make_directories(root_ + "/access"));
    ASSERT_TRUE(
        sys::write_file(root_ + "/access/access-20300101T000000Z-00000001.log", whole.substr(0, size)));
    const std::size_t good = size == whole.size() ? size
                             : size >= second     ? second
                             : size >= first      ? first
                                                  : 0;
    open();
    Lines want;
    if (good >= second) want.push_back("dw1 1 1 x");
    if (good == whole.size()) want.push_back("dw1 2 1 x");
    if (size > good) want.push_back("damage 1 " + std::to_string(good) + " " + std::to_string(size - good));
    if (good >= second) want.push_back("position 1 " + std::to_string(good == whole.size() ? 2 : 1));
    EXPECT_EQ(read(), want) << size;
    EXPECT_EQ(sys::read_file(path(0))->size(), good);
  }
}

TEST_F(Segments, DamageInTheMiddleIsReadPastAndSaid) {
  {
    auto writer = open();
    for (std::uint64_t seq = 1; seq <= 3; ++seq) line(writer, seq);
    ASSERT_TRUE(writer.settle());
  }
  std::string bytes = sys::read_file(path(0)).value();
  bytes[bytes.find("dw1 2")] = 'D';
  ASSERT_TRUE(sys::write_file(path(0), bytes));
  const Lines lines = read();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[1][0], '!');
  EXPECT_EQ(lines[2], "dw1 3 1 x");
  open();
  const Lines again = read();
  EXPECT_TRUE(again[3].starts_with("damage 1 ")) << again[3];
  EXPECT_EQ(sys::read_file(path(0)).value(), bytes) << "left as it is";
}

TEST_F(Segments, GarbageOfAnySizeIsReadPast) {
  {
    auto writer = open();
    line(writer, 1);
    ASSERT_TRUE(writer.settle());
  }
  std::mt19937 random(5);
  std::string garbage(3'000'000, 'x');
  for (char& c : garbage) c = random() % 50'000 == 0 ? '\n' : static_cast<char>('a' + random() % 20);
  std::string more;
  append_record(more, RecordKind::line, now_ms(), "dw1 2 1 y");
  const std::string before = sys::read_file(path(0)).value();
  ASSERT_TRUE(sys::write_file(path(0), before + garbage + "\n" + more));
  const Lines lines = read();
  EXPECT_EQ(lines.front(), "dw1 1 1 x");
  EXPECT_EQ(lines.back(), "dw1 2 1 y");
  std::size_t damaged = 0;
  for (const std::string& text : lines) damaged += text[0] == '!' ? std::stoul(text.substr(1)) : 0;
  EXPECT_EQ(damaged, garbage.size() + 1);
}

TEST_F(Segments, ANewerFormatIsRefused) {
  { open(); }
  std::string record;
  append_record(record, RecordKind::header, now_ms(), "access-log/2 2");
  ASSERT_TRUE(sys::write_file(root_ + "/access/access-20300101T000000Z-00000009.log", record));
  EXPECT_EQ(SegmentWriter::open(options_, tracker_).error().code, "ACL022");
}

TEST_F(Segments, AFullDiskDropsLinesAndSaysSo) {
  auto writer = open();
  line(writer, 1);
  ASSERT_TRUE(writer.settle());
  rlimit usual{};
  ::getrlimit(RLIMIT_FSIZE, &usual);
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = usual;
  tight.rlim_cur = std::filesystem::file_size(path(0)) + 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  line(writer, 2);
  line(writer, 3);
  EXPECT_FALSE(writer.settle());
  ::setrlimit(RLIMIT_FSIZE, &usual);
  std::signal(SIGXFSZ, old);
  EXPECT_EQ(writer.dropped(), 2U);
  line(writer, 4);
  ASSERT_TRUE(writer.settle());
  EXPECT_EQ(read(), (Lines{"dw1 1 1 x", "dropped 2", "dw1 4 1 x"}));
}

TEST_F(Segments, TheTailCanBeFollowed) {
  auto writer = open();
  auto reader = SegmentReader::open(root_ + "/access");
  ASSERT_TRUE(reader);
  EXPECT_FALSE(reader->next().value());
  EXPECT_FALSE(reader->wait(10ms));
  std::thread writing([&] {
    for (std::uint64_t seq = 1; seq <= 300; ++seq) {
      line(writer, seq, std::string(100, 'y'));
      if (seq % 100 == 0) {
        clock_.advance(25h);  // rotates
        writer.maintain(tracker_);
      }
      ASSERT_TRUE(writer.settle());
    }
  });
  std::uint64_t next = 1;
  while (next <= 300) {
    const auto item = reader->next();
    ASSERT_TRUE(item);
    if (!*item) {
      ASSERT_TRUE(reader->wait(10s));
      continue;
    }
    ASSERT_EQ((*item)->damaged_bytes, 0U);
    const std::string& payload = (*item)->record.payload;
    if (!payload.starts_with("dw1")) continue;
    EXPECT_TRUE(payload.starts_with("dw1 " + std::to_string(next++) + " "));
  }
  writing.join();
}

// The fenced block after the heading "Worked example".
std::string example() {
  const std::string page = sys::read_file(DURWARD_SOURCE_DIR "/docs/formats/access-log.md").value_or("");
  const std::size_t heading = page.find("## Worked example");
  const std::size_t begin = page.find("```\n", heading) + 4;
  return heading == std::string::npos ? "" : page.substr(begin, page.find("```", begin) - begin);
}

TEST_F(Segments, TheDocumentedExampleIsWhatIsWritten) {
  auto writer = open();
  writer.event({Event::Kind::start, {612}});
  clock_.advance(1'042ms);
  writer.line(
      "dw1 1 4711 1893456001030 203.0.113.9 51234 https_0 LR 200 73 0 1267-70DBD881-0001 - - - 0a1b2c3d4e5f "
      "o41d2f0c9a7be|be_help|help/index|-|- - GET help.example /",
      now_ms());
  clock_.advance(3ms);
  writer.line("dw1 2 4711 1893456001044 203.0.113.9 51240 https_0 PR 400 0 0 - - - bad_host - - - GET a\tb /",
              now_ms());
  writer.event({Event::Kind::hole, {4711, 3, 5}});
  clock_.advance(2s);
  writer.event({Event::Kind::stop, {}});
  ASSERT_TRUE(writer.settle());
  EXPECT_EQ(sys::read_file(path(0)).value(), example());
}

}  // namespace
}  // namespace durward::accesslog
