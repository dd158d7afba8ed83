#include "accesslog/frame.h"

#include <algorithm>
#include <charconv>

namespace durward::accesslog {

static_assert(frame_buffer_bytes >= 2 * (line_bytes_max + frame_header_bytes_max),
              "a message must always fit");

std::span<char> FrameDecoder::room() {
  if (begin_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  return std::span(buffer_).subspan(end_);
}

Result<std::optional<std::string_view>> FrameDecoder::next() {
  const std::string_view there(buffer_.data() + begin_, end_ - begin_);
  if (there.empty()) return std::nullopt;
  return framing_ == Framing::lines ? next_line(there) : next_counted(there);
}

Result<std::optional<std::string_view>> FrameDecoder::next_line(std::string_view there) {
  const std::size_t end = there.find('\n');
  if (end == std::string_view::npos && there.size() <= line_bytes_max) return std::nullopt;
  if (std::min(end, there.size()) > line_bytes_max)
    return fail("ACL010", "a line of HAProxy's ring is too long");
  begin_ += end + 1;
  return there.substr(0, end);
}

Result<std::optional<std::string_view>> FrameDecoder::next_counted(std::string_view there) {
  const std::string_view head = there.substr(0, frame_header_bytes_max);
  const std::size_t space = head.find(' ');
  const std::string_view digits = head.substr(0, space);
  std::size_t length = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const bool number = error == std::errc() && stop == digits.data() + digits.size() && digits[0] != '0';
  const bool endless = space == std::string_view::npos && head.size() == frame_header_bytes_max;
  if (!number || endless || length > line_bytes_max) {
    return fail("ACL010", "the stream is not octet-counted: a message has no valid length",
                "HAProxy's ring server needs 'log-proto octet-count' and maxlen of at most 16384");
  }
  if (space == std::string_view::npos || there.size() < space + 1 + length) return std::nullopt;
  begin_ += space + 1 + length;
  return there.substr(space + 1, length);
}

}  // namespace durward::accesslog
