// Reads the access log, across segments, from a time on, and on while it is being written.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "accesslog/record.h"
#include "accesslog/segment.h"
#include "base/result.h"
#include "sys/file.h"

namespace durward::accesslog {

struct ReadItem {
  std::uint64_t segment = 0;        // its number
  std::uint64_t offset = 0;         // of the first byte, in the segment
  std::uint64_t damaged_bytes = 0;  // more than 0: these bytes are no record, and `record` is empty
  Record record;
};

// One thread. A segment that retention deletes while it is read is read to its end.
class SegmentReader {
 public:
  // From the first record received at or after `from`; all of them without. Errors: SYS001 to SYS003.
  static Result<SegmentReader> open(std::string directory,
                                    std::chrono::sys_time<std::chrono::milliseconds> from = {});
  // Of one segment, from its beginning to its end.
  static Result<SegmentReader> open_segment(std::string directory, const SegmentName& name);

  // The next line or event, or damage between them; nothing at the end, where it can be asked again later.
  // Errors: SYS001 to SYS003, ACL022 a segment of a newer format.
  Result<std::optional<ReadItem>> next();

  // Until next() might give something, or `timeout` has passed (false).
  bool wait(std::chrono::milliseconds timeout);

  std::uint64_t good_until() const { return good_until_; }  // the end of the last good record of this segment

 private:
  explicit SegmentReader(std::string directory) : directory_(std::move(directory)) {}

  enum class Found : std::uint8_t { item, skipped, end_of_file };
  Result<Found> read_one(ReadItem& item, bool last_words);
  Result<bool> fill();
  Status enter(const SegmentName& name);
  Result<bool> enter_next();
  void consume(std::size_t bytes);

  std::string directory_;
  std::int64_t from_ms_ = 0;
  bool one_segment_ = false;
  std::optional<sys::ReadFile> file_;
  SegmentName name_;
  std::uint64_t offset_ = 0;  // of buffer_[used_]
  std::uint64_t good_until_ = 0;
  std::string buffer_;
  std::size_t used_ = 0;
};

}  // namespace durward::accesslog
