// What the HTTP/2 clients of the bench share of RFC 9113.
#pragma once

#include <cstddef>
#include <cstdint>

namespace durward::bench::http2 {

enum FrameType : std::uint8_t {
  data = 0,
  headers = 1,
  reset = 3,
  settings = 4,
  ping = 6,
  goaway = 7,
  window = 8
};
inline constexpr std::uint8_t end_stream = 0x1, ack = 0x1, end_headers = 0x4, padded = 0x8, priority = 0x20;
inline constexpr std::size_t frame_head_bytes = 9;

}  // namespace durward::bench::http2
