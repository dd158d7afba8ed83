#include "accesslog/segment_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "accesslog/number.h"
#include "sys/fd.h"

namespace durward::accesslog {
namespace {

constexpr std::size_t chunk_bytes = 256 * 1024;
constexpr std::chrono::milliseconds tail_poll{50};
constexpr std::string_view header_prefix = "access-log/";

static_assert(chunk_bytes > 2 * record_bytes_max, "a record must fit whole");

// "access-log/1 17"
Status check_header(const Record& record, const SegmentName& name) {
  std::string_view text = record.payload;
  unsigned version = 0;
  if (text.starts_with(header_prefix)) text.remove_prefix(header_prefix.size());
  (void)to_number(text.substr(0, text.find(' ')), version);
  if (version <= format_version) return {};
  return fail("ACL022",
              fmt::format("segment '{}' has format {}, this program knows up to {}", segment_file(name),
                          version, format_version),
              "read it with the newer durward that wrote it");
}

}  // namespace

Result<SegmentReader> SegmentReader::open(std::string directory,
                                          std::chrono::sys_time<std::chrono::milliseconds> from) {
  SegmentReader reader(std::move(directory));
  reader.from_ms_ = from.time_since_epoch().count();
  const auto names = list_segments(reader.directory_);
  if (!names) return tl::unexpected(names.error());
  // A segment holds what was received from its start to the start of the next.
  const auto later =
      std::ranges::find_if(*names, [&](const SegmentName& name) { return name.started > from; });
  if (names->empty()) return reader;
  const auto& first = later == names->begin() ? *later : *std::prev(later);
  if (Status entered = reader.enter(first); !entered) return tl::unexpected(entered.error());
  return reader;
}

Result<SegmentReader> SegmentReader::open_segment(std::string directory, const SegmentName& name) {
  SegmentReader reader(std::move(directory));
  reader.one_segment_ = true;
  if (Status entered = reader.enter(name); !entered) return tl::unexpected(entered.error());
  return reader;
}

Status SegmentReader::enter(const SegmentName& name) {
  auto file = sys::ReadFile::open(directory_ + "/" + segment_file(name));
  if (!file) return tl::unexpected(file.error());
  file_.emplace(std::move(*file));
  name_ = name;
  offset_ = 0;
  good_until_ = 0;
  used_ = 0;
  buffer_.clear();
  return {};
}

// The segment after the present one, when there is one.
Result<bool> SegmentReader::enter_next() {
  if (one_segment_) return false;
  const auto names = list_segments(directory_);
  if (!names) return tl::unexpected(names.error());
  const auto next = std::ranges::upper_bound(*names, name_);
  if (next == names->end()) return false;
  if (Status entered = enter(*next); !entered) return tl::unexpected(entered.error());
  return true;
}

Result<std::optional<ReadItem>> SegmentReader::next() {
  ReadItem item;
  bool last_words = false;  // of a segment that has a successor: nothing is added to it any more
  while (true) {
    if (file_) {
      const auto found = read_one(item, last_words);
      if (!found) return tl::unexpected(found.error());
      if (*found == Found::item) return item;
      if (*found == Found::skipped) continue;
    }
    if (!last_words && file_ && !one_segment_) {
      const auto names = list_segments(directory_);
      if (!names) return tl::unexpected(names.error());
      last_words = !names->empty() && names->back() > name_;
      if (!last_words) return std::nullopt;
      continue;  // it may have grown between the reading and the look for a successor
    }
    const auto entered = enter_next();
    if (!entered) return tl::unexpected(entered.error());
    if (!*entered) return std::nullopt;
    last_words = false;
  }
}

// Looks at the next line of the present segment.
Result<SegmentReader::Found> SegmentReader::read_one(ReadItem& item, bool last_words) {
  std::size_t end = buffer_.find('\n', used_);
  if (end == std::string::npos) {
    const auto more = fill();
    if (!more) return tl::unexpected(more.error());
    end = buffer_.find('\n', used_);
  }
  item = {name_.number, offset_, 0, {}};
  if (end == std::string::npos) {
    const std::size_t torn = buffer_.size() - used_;
    const bool whole_chunk = torn > record_bytes_max;
    if (torn == 0 || (!whole_chunk && !last_words)) return Found::end_of_file;
    item.damaged_bytes = torn;
    consume(torn);
    return Found::item;
  }
  const std::string_view line = std::string_view(buffer_).substr(used_, end - used_);
  auto record = read_record(line);
  consume(line.size() + 1);
  if (!record) {
    item.damaged_bytes = line.size() + 1;
    return Found::item;
  }
  good_until_ = offset_;
  if (record->kind == RecordKind::header) {
    if (Status known = check_header(*record, name_); !known) return tl::unexpected(known.error());
    return Found::skipped;
  }
  if (record->received_ms < from_ms_) return Found::skipped;
  item.record = std::move(*record);
  return Found::item;
}

// Reads on from the line that is not whole yet, from its first byte: a writer that failed may have taken it
// back.
Result<bool> SegmentReader::fill() {
  used_ = 0;
  buffer_.resize(chunk_bytes);
  const auto got = file_->read_at(offset_, buffer_);
  buffer_.resize(got.value_or(0));
  if (!got) return tl::unexpected(got.error());
  return *got > 0;
}

void SegmentReader::consume(std::size_t bytes) {
  used_ += bytes;
  offset_ += bytes;
}

bool SegmentReader::wait(std::chrono::milliseconds timeout) {
  const sys::Deadline deadline = sys::deadline_in(timeout);
  while (true) {
    const auto names = list_segments(directory_);
    if (names && !names->empty() && (!file_ || names->back() > name_)) return true;
    // Beyond the torn line that next() has seen and could not use.
    if (file_ && file_->size().value_or(0) > offset_ + (buffer_.size() - used_)) return true;
    const auto left = sys::time_left(deadline);
    if (left.count() <= 0) return false;
    std::this_thread::sleep_for(std::min(left, tail_poll));
  }
}

}  // namespace durward::accesslog
