#include "bundle/encoding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace durward::bundle {
namespace {

struct Decoded {
  std::uint32_t code_point = 0;
  std::size_t length = 0;  // 0 = not UTF-8
};

// Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  std::uint32_t value = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = (value << 6) | (byte(i) & 0x3fU);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  return overlong || surrogate || value > 0x10ffff ? Decoded{} : Decoded{value, length};
}

// C1 controls, separators that are line ends to some readers, zero-width and bidirectional controls, BOM
// inside.
bool unseen(std::uint32_t c) {
  return (c >= 0x80 && c <= 0x9f) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xfffe || c == 0xffff || c == 0xad || c == 0x61c;
}

bool control(unsigned char c, std::string_view rest) {
  if (c == '\t' || c == '\n') return false;
  if (c == '\r') return rest.size() < 2 || rest[1] != '\n';
  return c < 0x20 || c == 0x7f;
}

}  // namespace

std::optional<BadBytes> find_bad_bytes(std::string_view text) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    return BadBytes{0, 2, "the file is UTF-16", "save it as UTF-8"};
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (control(c, text.substr(i))) {
      return BadBytes{i, 1, fmt::format("control character 0x{:02x}", c),
                      c == '\r' ? "end lines with LF or CRLF" : "remove it"};
    }
    const Decoded decoded = decode(text.substr(i));
    if (decoded.length == 0)
      return BadBytes{i, 1, fmt::format("byte 0x{:02x} is not UTF-8", c), "save the file as UTF-8"};
    if (unseen(decoded.code_point)) {
      return BadBytes{i, decoded.length, fmt::format("invisible character U+{:04X}", decoded.code_point),
                      "remove it: a reader must see what the gateway reads"};
    }
    i += decoded.length;
  }
  return std::nullopt;
}

Places::Places(const SourceFile& file) : file_(&file), starts_{0} {
  const std::string& text = file.text;
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1))
    starts_.push_back(at + 1);
}

SourceSpan Places::span(std::size_t begin, std::size_t end) const {
  begin = std::min(begin, file_->text.size());
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), begin);
  const std::size_t line = static_cast<std::size_t>(next - starts_.begin());
  std::size_t line_end = next == starts_.end() ? file_->text.size() : *next - 1;
  if (line_end > begin && file_->text[line_end - 1] == '\r') --line_end;
  const std::size_t length = std::max<std::size_t>(std::min(end, line_end) - std::min(begin, line_end), 1);
  return {file_, static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(begin - starts_[line - 1] + 1),
          static_cast<std::uint32_t>(end > begin ? length : 1)};
}

std::size_t Places::offset(std::size_t line, std::size_t column) const {
  if (line == 0 || line > starts_.size()) return file_->text.size();
  return std::min(starts_[line - 1] + std::max<std::size_t>(column, 1) - 1, file_->text.size());
}

}  // namespace durward::bundle
