// Everything that reads bytes of the access log: lines, frames, records, events.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "accesslog/event.h"
#include "accesslog/frame.h"
#include "accesslog/record.h"
#include "accesslog/segment.h"
#include "fuzz.h"

namespace durward::accesslog {
namespace {

using fuzz::require;

bool printable(std::string_view text) {
  for (const char c : text) {
    if (c < 0x21 || c > 0x7e) return false;
  }
  return true;
}

void check_parse(std::string_view bytes) {
  const auto event = parse(bytes);
  if (!event) {
    require(printable(event.error().code) && event.error().message.size() < 200);
    return;
  }
  require(line_number(bytes) == LineNumber{event->pid, event->seq});
  require(printable(event->host) && event->host.size() <= host_bytes_max);
  require(printable(event->path) && printable(event->method) && printable(event->why));
}

void check_frames(std::string_view bytes) {
  FrameDecoder decoder(Framing::octet_counted);
  std::size_t given = 0;
  while (given < bytes.size()) {
    const auto room = decoder.room();
    require(!room.empty());
    const std::size_t some =
        bytes.copy(room.data(), std::min(room.size(), std::size_t{1} + given % 7), given);
    decoder.filled(some);
    given += some;
    while (true) {
      const auto line = decoder.next();
      if (!line) return;
      if (!*line) break;
      require((*line)->size() <= line_bytes_max);
    }
  }
}

void check_records(std::string_view bytes) {
  (void)read_record(bytes);
  (void)parse_event(bytes);
  (void)parse_segment_file(bytes);
  std::string written;
  append_record(written, RecordKind::line, 1'700'000'000'000, bytes);
  require(written.find('\n') == written.size() - 1);
  if (bytes.size() > line_bytes_max) return;
  const auto back = read_record(std::string_view(written).substr(0, written.size() - 1));
  require(back && back->payload == bytes && back->kind == RecordKind::line);
}

}  // namespace
}  // namespace durward::accesslog

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  durward::accesslog::check_parse(bytes);
  durward::accesslog::check_frames(bytes);
  durward::accesslog::check_records(bytes);
  return 0;
}
