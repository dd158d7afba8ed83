// One line of a segment file. The format is specified in docs/formats/access-log.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace durward::accesslog {

constexpr unsigned format_version = 1;
constexpr std::size_t record_bytes_max = 3 * 16 * 1024 + 64;  // a line of which every byte is escaped

enum class RecordKind : char {
  header = 'H',  // the first of each segment
  line = 'L',    // as HAProxy sent it
  event = 'E',   // something the reader of the log noticed or did
};

struct Record {
  RecordKind kind = RecordKind::line;
  std::int64_t received_ms = 0;  // wall clock, since 1970
  std::string payload;           // a line's own bytes, escapes undone
  bool operator==(const Record&) const = default;
};

// Appends the record, line end included. A line is written so that only LF ends it, whatever bytes it holds.
void append_record(std::string& to, RecordKind kind, std::int64_t received_ms, std::string_view payload);

// A line of a segment, without its LF. Errors: ACL020 the checksum does not match, ACL021 not a record of
// this format.
Result<Record> read_record(std::string_view line);

std::uint32_t crc32c(std::string_view bytes);  // Castagnoli, as in RFC 3720

}  // namespace durward::accesslog
