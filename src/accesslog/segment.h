// Segments: the files that the access log consists of, their names, and what their event records say.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accesslog/sequence.h"
#include "base/result.h"

namespace durward::accesslog {

struct SegmentName {
  std::chrono::sys_seconds started;  // when it was begun
  std::uint64_t number = 0;          // grows by one with each segment of a directory, from 1
  auto operator<=>(const SegmentName& other) const { return number <=> other.number; }
  bool operator==(const SegmentName& other) const { return number == other.number; }
};
std::string segment_file(const SegmentName& name);  // "access-20300101T000000Z-00000001.log"
std::optional<SegmentName> parse_segment_file(std::string_view file);

// The segments in a directory, oldest first. Other files are passed over.
Result<std::vector<SegmentName>> list_segments(const std::string& directory);

// What an event record says, as words and numbers: "hole 4711 17 19".
struct Event {
  enum class Kind : std::uint8_t {
    start,      // start VERSION: the reader of the log begins
    stop,       // stop: and ends, in order
    hole,       // hole PID FIRST LAST: these lines of worker PID did not come
    late,       // late PID SEQ: this one did after all
    duplicate,  // duplicate PID SEQ
    restart,    // restart PID LAST: a new worker has the pid; the old one came to LAST
    gone,       // gone PID LAST: the worker has ended, nobody knows with which line
    end,        // end PID LAST: the worker is known to have ended after LAST
    position,   // position PID LAST: all up to LAST is in earlier segments or reported; opens a segment
    garbled,    // garbled PID: its stream was not octet-counted and was closed
    dropped,    // dropped COUNT: lines that came and could not be written (disk full)
    damage,   // damage NUMBER OFFSET BYTES: these bytes of segment NUMBER were no records; a torn end was cut
              // off
    removed,  // removed NUMBER: retention deleted segment NUMBER
  };
  Kind kind = Kind::start;
  std::vector<std::uint64_t> numbers;
  bool operator==(const Event&) const = default;
};
std::string event_text(const Event& event);
std::optional<Event> parse_event(std::string_view text);
Event to_event(const SequenceReport& report);

}  // namespace durward::accesslog
