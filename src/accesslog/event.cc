#include "accesslog/event.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "accesslog/number.h"

namespace durward::accesslog {
namespace {

constexpr std::string_view tag = "dw1 ";
constexpr std::string_view unreadable = "<BADREQ>";  // HAProxy's method and path of what was not HTTP

// An alphabet as a table, so that a field is checked at one lookup a byte.
using Alphabet = std::array<bool, 256>;

constexpr Alphabet alphabet(std::string_view extra, bool lower, bool upper) {
  Alphabet out{};
  for (char c = '0'; c <= '9'; ++c) out[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; lower && c <= 'z'; ++c) out[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; upper && c <= 'Z'; ++c) out[static_cast<unsigned char>(c)] = true;
  for (const char c : extra) out[static_cast<unsigned char>(c)] = true;
  return out;
}

constexpr Alphabet printable() {
  Alphabet out{};
  for (unsigned c = 0x21; c <= 0x7e; ++c) out[c] = true;
  return out;
}

constexpr Alphabet address_bytes = alphabet(".:abcdefABCDEF", false, false);
constexpr Alphabet name_bytes = alphabet("_-.:~", true, true);
constexpr Alphabet flag_bytes = alphabet("-", true, true);
constexpr Alphabet request_id_bytes = alphabet("ABCDEF-", false, false);
constexpr Alphabet hex_bytes = alphabet("abcdef", false, false);
constexpr Alphabet word_bytes = alphabet("_-", true, true);
constexpr Alphabet token_bytes = alphabet("!#$%&'*+-.^_`|~", true, true);  // RFC 9110
constexpr Alphabet host_bytes = alphabet(".-_:[]", true, true);
constexpr Alphabet path_bytes = printable();

struct Bounds {
  std::size_t min = 0;
  std::size_t max = 0;
};

bool is_text(std::string_view text, const Alphabet& allowed, Bounds bounds) {
  return text.size() >= bounds.min && text.size() <= bounds.max &&
         std::ranges::all_of(text, [&](char c) { return allowed[static_cast<unsigned char>(c)]; });
}

// Up to the next separator; the rest loses it too. Nothing when there is no separator.
std::optional<std::string_view> take(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  return part;
}

// Up to the next separator or the end.
std::string_view take_part(std::string_view& rest, char separator) {
  if (const auto part = take(rest, separator)) return *part;
  return std::exchange(rest, {});
}

// Reads field after field; the first failure is kept and the rest is skipped.
class Fields {
 public:
  explicit Fields(std::string_view rest) : rest_(rest) {}

  void text(const char* name, const Alphabet& allowed, Bounds bounds, std::string& into) {
    const auto field = next(name);
    if (!field || *field == "-") return;
    if (!is_text(*field, allowed, bounds)) return malformed(name);
    into = *field;
  }
  template <class Number>
  void number(const char* name, Number& into) {
    const auto field = next(name);
    if (field && !to_number(*field, into)) malformed(name);
  }
  // '-' is nothing; so is a negative number, which HAProxy writes for what did not happen.
  template <class Number>
  std::optional<Number> optional_number(const char* name) {
    const auto field = next(name);
    if (!field || *field == "-") return std::nullopt;
    std::int64_t value = 0;
    if (!to_number(*field, value) || (value > 0 && !std::in_range<Number>(value))) {
      malformed(name);
      return std::nullopt;
    }
    if (value < 0) return std::nullopt;
    return static_cast<Number>(value);
  }
  std::optional<std::string_view> next(const char* name) {
    if (error_) return std::nullopt;
    const auto field = take(rest_, ' ');
    if (!field) error_ = Error{"ACL002", fmt::format("the line ends before the field {}", name), ""};
    return field;
  }
  void malformed(const char* name) {
    if (!error_) error_ = Error{"ACL003", fmt::format("the field {} is malformed", name), ""};
  }
  std::string_view rest() const { return rest_; }
  const std::optional<Error>& error() const { return error_; }

 private:
  std::string_view rest_;
  std::optional<Error> error_;
};

std::optional<RouteRow> parse_row(std::string_view text) {
  RouteRow row;
  const auto policy = take(text, '|');
  const auto backend = policy ? take(text, '|') : std::nullopt;
  if (!backend) return std::nullopt;
  row.policy = *policy;
  row.backend = *backend;
  row.route = take_part(text, '|');
  while (!text.empty() && row.flags.size() < row_flags_max) row.flags.emplace_back(take_part(text, '|'));
  const bool complete = !row.policy.empty() && !row.backend.empty() && !row.route.empty() && text.empty();
  return complete ? std::optional(std::move(row)) : std::nullopt;
}

bool parse_rules(std::string_view text, std::vector<std::uint32_t>& rules) {
  while (!text.empty()) {
    const std::string_view part = take_part(text, '.');
    if (rules.size() == rules_max || !to_number(part, rules.emplace_back())) return false;
  }
  return true;
}

bool parse_age(std::string_view text, std::optional<std::chrono::seconds>& age) {
  if (text.empty() || text == "-") return true;
  std::uint32_t seconds = 0;
  if (!to_number(text, seconds)) return false;
  age = std::chrono::seconds(seconds);
  return true;
}

bool parse_verdict(std::string_view text, Verdict& verdict) {
  if (text == "-") return true;
  const std::string_view kind = take_part(text, '|');
  if (kind.size() != 1) return false;
  switch (kind[0]) {
    case 'A':
      verdict.kind = VerdictKind::allow;
      return parse_rules(text, verdict.rules);
    case 'B':
      verdict.kind = VerdictKind::allow_if_fresh;
      return parse_age(take_part(text, '|'), verdict.max_age) && verdict.max_age &&
             parse_rules(text, verdict.rules);
    case 'D':
      verdict.kind = VerdictKind::deny;
      return parse_rules(text, verdict.rules);
    case 'U': {
      verdict.kind = VerdictKind::step_up;
      const std::string_view acr = take_part(text, '|');
      if (!is_text(acr, name_bytes, {0, 64})) return false;
      if (acr != "-") verdict.acr = acr;
      return parse_age(take_part(text, '|'), verdict.max_age) && text.empty();
    }
    case 'L':
      verdict.kind = VerdictKind::login;
      return text.empty() || text == "-";
    default:
      return false;
  }
}

// The client wrote it and HAProxy logs it as it came, so it may hold anything but a line end, spaces
// included.
void take_host(std::string_view text, AccessEvent& event) {
  if (text == "-") return;
  event.host_clean = is_text(text, host_bytes, {1, host_bytes_max});
  if (event.host_clean) {
    event.host = text;
    return;
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const std::string piece = host_bytes[byte] ? std::string(1, c) : fmt::format("#{:02X}", byte);
    if (event.host.size() + piece.size() > host_bytes_max) break;
    event.host += piece;
  }
}

void parse_request(Fields& fields, AccessEvent& event) {
  const auto method = fields.next("METHOD");
  if (!method) return;
  if (*method != unreadable && *method != "-") {
    if (!is_text(*method, token_bytes, {1, 32})) return fields.malformed("METHOD");
    event.method = *method;
  }
  // A path cannot hold a space and a host can: so the last space is where the path begins.
  const std::string_view rest = fields.rest();
  const std::size_t at = rest.rfind(' ');
  if (at == std::string_view::npos) {
    fields.next("PATH");
    return;
  }
  take_host(rest.substr(0, at), event);
  const std::string_view path = rest.substr(at + 1);
  if (path == unreadable || path == "-") return;
  if (!is_text(path, path_bytes, {0, line_bytes_max})) return fields.malformed("PATH");
  event.path = path;
}

}  // namespace

Result<AccessEvent> parse(std::string_view line) {
  if (line.size() > line_bytes_max) return fail("ACL001", "the line is longer than an access line may be");
  if (!line.starts_with(tag)) return fail("ACL001", "the line is not an access line of this version");
  AccessEvent event;
  Fields fields(line.substr(tag.size()));
  fields.number("SEQ", event.seq);
  fields.number("PID", event.pid);
  std::uint64_t time_ms = 0;
  fields.number("TIME_MS", time_ms);
  constexpr std::uint64_t time_ms_max = 253'402'300'800'000;  // the year 10000
  if (time_ms >= time_ms_max) fields.malformed("TIME_MS");
  event.accepted = decltype(event.accepted)(std::chrono::milliseconds(std::min(time_ms, time_ms_max)));
  fields.text("CLIENT_IP", address_bytes, {2, 45}, event.client_ip);
  event.client_port = fields.optional_number<std::uint16_t>("CLIENT_PORT").value_or(0);
  fields.text("FRONTEND", name_bytes, {1, 128}, event.frontend);
  fields.text("TERMINATION", flag_bytes, {2, 4}, event.termination);
  event.status = fields.optional_number<std::uint16_t>("STATUS").value_or(0);
  event.bytes = fields.optional_number<std::uint64_t>("BYTES").value_or(0);
  if (const auto ms = fields.optional_number<std::uint32_t>("DURATION_MS"))
    event.duration = std::chrono::milliseconds(*ms);
  fields.text("REQUEST_ID", request_id_bytes, {1, 64}, event.request_id);
  event.class_id = fields.optional_number<std::uint32_t>("CLASS");
  // HAProxy's hex converter writes capitals.
  constexpr Alphabet key_bytes = alphabet("abcdefABCDEF", false, false);
  fields.text("SESSION", key_bytes, {16, 16}, event.session);
  std::ranges::transform(event.session, event.session.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  fields.text("WHY", word_bytes, {1, 32}, event.why);
  fields.text("GENERATION", hex_bytes, {12, 12}, event.generation);
  std::string row;
  fields.text("ROW", path_bytes, {1, 2'048}, row);
  if (!row.empty()) {
    event.row = parse_row(row);
    if (!event.row) fields.malformed("ROW");
  }
  const auto verdict = fields.next("VERDICT");
  if (verdict && !parse_verdict(*verdict, event.verdict)) fields.malformed("VERDICT");
  parse_request(fields, event);
  if (event.seq == 0) fields.malformed("SEQ");
  if (fields.error()) return tl::unexpected(*fields.error());
  return event;
}

std::optional<LineNumber> line_number(std::string_view line) {
  if (!line.starts_with(tag)) return std::nullopt;
  line.remove_prefix(tag.size());
  const auto seq = take(line, ' ');
  const auto pid = seq ? take(line, ' ') : std::nullopt;
  LineNumber number;
  if (!pid || !to_number(*seq, number.seq) || !to_number(*pid, number.pid) || number.seq == 0)
    return std::nullopt;
  return number;
}

}  // namespace durward::accesslog
