// Messages on a byte stream: octet-counted (RFC 6587), "LENGTH SPACE MESSAGE", as HAProxy's ring sends them;
// or one a line, as its Runtime API shows them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "accesslog/event.h"
#include "base/result.h"

namespace durward::accesslog {

constexpr std::size_t frame_header_bytes_max = 6;  // five digits and the space
constexpr std::size_t frame_buffer_bytes = 256 * 1024;

enum class Framing : std::uint8_t { octet_counted, lines };

// Fed from a socket without copying: read into room(), say filled(n), then take next() until it gives
// nothing. One thread. Once a length is wrong there is no finding the next one: the stream is of no further
// use.
class FrameDecoder {
 public:
  explicit FrameDecoder(Framing framing) : framing_(framing), buffer_(frame_buffer_bytes) {}

  // Never empty after next() gave nothing. Ends the life of messages that next() gave.
  std::span<char> room();
  void filled(std::size_t bytes) { end_ += bytes; }

  // The next whole message, or nothing until more has come. Errors: ACL010 for a length that is not a number
  // from 1 to line_bytes_max without leading zeros, or a line longer than that.
  Result<std::optional<std::string_view>> next();

  bool empty() const { return begin_ == end_; }  // no half message is left

 private:
  Result<std::optional<std::string_view>> next_counted(std::string_view there);
  Result<std::optional<std::string_view>> next_line(std::string_view there);

  Framing framing_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace durward::accesslog
