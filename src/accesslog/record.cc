#include "accesslog/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/crc.hpp>
#include <iterator>
#include <optional>

#include "accesslog/number.h"

namespace durward::accesslog {
namespace {

constexpr std::size_t checksum_digits = 8;
constexpr char escaped_line = 'X';  // on disk only: a line with bytes that are not printable, those as \XX
constexpr std::string_view digits = "0123456789ABCDEF";

bool is_plain(char c) {
  return c >= 0x20 && c <= 0x7e;
}

void append_escaped(std::string& to, std::string_view bytes) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(c) && c != '\\') {
      to += c;
    } else {
      to += {'\\', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
}

std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text[0] != '\\') {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    if (text.size() < 3) return std::nullopt;
    const std::size_t high = digits.find(text[1]);
    const std::size_t low = digits.find(text[2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    text.remove_prefix(3);
  }
  return out;
}

tl::unexpected<Error> not_a_record(const char* why) {
  return fail("ACL021", fmt::format("not a record of this format: {}", why));
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

void append_record(std::string& to, RecordKind kind, std::int64_t received_ms, std::string_view payload) {
  const std::size_t start = to.size();
  const bool plain = std::ranges::all_of(payload, is_plain);
  const char letter = plain ? static_cast<char>(kind) : escaped_line;
  fmt::format_to(std::back_inserter(to), "{:8} {} {} ", "", received_ms, letter);
  if (plain) {
    to += payload;
  } else {
    append_escaped(to, payload);
  }
  const std::size_t body = start + checksum_digits + 1;
  fmt::format_to(to.begin() + static_cast<std::ptrdiff_t>(start), "{:08x}",
                 crc32c(std::string_view(to).substr(body)));
  to += '\n';
}

Result<Record> read_record(std::string_view line) {
  if (line.size() > record_bytes_max) return not_a_record("too long");
  std::uint32_t checksum = 0;
  if (line.size() <= checksum_digits || line[checksum_digits] != ' ' ||
      !to_number(line.substr(0, checksum_digits), checksum, 16)) {
    return not_a_record("no checksum");
  }
  std::string_view rest = line.substr(checksum_digits + 1);
  if (crc32c(rest) != checksum) return fail("ACL020", "the record's checksum does not match its bytes");
  const std::size_t space = rest.find(' ');
  Record record;
  if (space == std::string_view::npos || !to_number(rest.substr(0, space), record.received_ms)) {
    return not_a_record("no time");
  }
  rest.remove_prefix(space + 1);
  if (rest.size() < 2 || rest[1] != ' ') return not_a_record("no kind");
  const char letter = rest[0];
  rest.remove_prefix(2);
  if (letter == escaped_line) {
    auto payload = unescape(rest);
    if (!payload) return not_a_record("a broken escape");
    record.payload = std::move(*payload);
    return record;
  }
  if (letter != 'H' && letter != 'L' && letter != 'E') return not_a_record("an unknown kind");
  record.kind = static_cast<RecordKind>(letter);
  record.payload = rest;
  return record;
}

}  // namespace durward::accesslog
