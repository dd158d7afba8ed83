// Writes the access log: records into segments, in groups, with rotation and retention.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accesslog/record.h"
#include "accesslog/segment.h"
#include "accesslog/sequence.h"
#include "base/result.h"
#include "sys/clock.h"
#include "sys/file.h"

namespace durward::accesslog {

struct SegmentOptions {
  std::string directory;  // made with mode 0700 when missing; one writer at a time
  const sys::Clock& clock;
  std::uint64_t segment_bytes = 64U << 20;  // a segment ends when it has grown past this
  std::chrono::seconds segment_age = std::chrono::hours(24);
  std::chrono::seconds keep_for = std::chrono::days(90);
  std::uint64_t keep_bytes = 10ULL << 30;  // of all segments together
  std::chrono::milliseconds sync_every{
      200};  // at most so much is lost with the machine (not with the process)
};

// One thread. A write that fails loses its lines, counted and recorded as `dropped` once writing works again;
// it never throws away what was written before.
class SegmentWriter {
 public:
  using Positions = std::vector<std::pair<std::uint32_t, std::uint64_t>>;

  // Ends the newest segment cleanly (cutting off a torn end, and saying so), replays the last two into
  // `tracker`, and begins a new one. Errors: SYS001 to SYS003 of the directory, ACL022 segments of a newer
  // format.
  static Result<SegmentWriter> open(SegmentOptions options, SequenceTracker& tracker);

  void line(std::string_view bytes, std::int64_t received_ms);
  void event(const Event& event);

  // Writes and fsyncs what is due, and begins a new segment when the present one is full or old. Call it
  // after each batch and at least every sync_every. `tracker` is what a new segment opens with.
  void maintain(const SequenceTracker& tracker);
  // Writes and fsyncs all there is, now. The error is that of the disk; the next call tries again.
  Status settle();
  bool unsettled() const { return !buffer_.empty() || unsynced_; }

  std::uint64_t dropped() const { return dropped_total_; }  // lines, since open()
  const SegmentName& segment() const { return name_; }

 private:
  SegmentWriter(SegmentOptions options, SegmentName name, sys::AppendFile file)
      : options_(std::move(options)), name_(name), file_(std::move(file)) {}

  std::int64_t now_ms() const;
  Status flush();
  bool wants_rotation() const;
  void rotate(const SequenceTracker& tracker);
  void open_with(const Positions& positions);
  void retain();

  SegmentOptions options_;
  SegmentName name_;
  sys::AppendFile file_;
  std::string buffer_;  // whole records that are not written yet
  std::uint64_t lines_in_buffer_ = 0;
  std::uint64_t dropped_unrecorded_ = 0;
  std::uint64_t dropped_total_ = 0;
  bool unsynced_ = false;
  bool sync_failed_ = false;
  std::chrono::steady_clock::time_point synced_at_{};
  std::optional<std::chrono::steady_clock::time_point> rotation_failed_at_;
};

}  // namespace durward::accesslog
