// One request as HAProxy logged it: the line, typed and bounded.
//
// Much of a line is chosen by whoever sent the request. Nothing of it is prose: each field has an alphabet
// and a bound, and what breaks them is an error that names the field and never quotes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace durward::accesslog {

constexpr std::size_t line_bytes_max = 16 * 1024;
constexpr std::size_t host_bytes_max = 255;  // after encoding; longer ones are cut
constexpr std::size_t rules_max = 256;       // of one verdict
constexpr std::size_t row_flags_max = 16;

// The route row the request was judged by: "policy|backend|route|flags...".
struct RouteRow {
  std::string policy;
  std::string backend;
  std::string route;
  std::vector<std::string> flags;
  bool operator==(const RouteRow&) const = default;
};

enum class VerdictKind : std::uint8_t {
  none,            // the request did not come as far as a verdict
  allow,           // A|rules
  allow_if_fresh,  // B|seconds|rules: allowed while the login is at most so old
  deny,            // D|rules
  step_up,         // U|acr|seconds: a stronger or fresher login would do
  login,           // L|: a login might do
};

struct Verdict {
  VerdictKind kind = VerdictKind::none;
  std::optional<std::chrono::seconds> max_age;
  std::string acr;                   // step_up; empty = not needed
  std::vector<std::uint32_t> rules;  // ordinals within the policy
  bool operator==(const Verdict&) const = default;
};

// Empty strings and unset optionals are fields that HAProxy did not set ('-').
struct AccessEvent {
  std::uint64_t seq = 0;  // dense per worker, from 1
  std::uint32_t pid = 0;  // of the worker
  std::chrono::sys_time<std::chrono::milliseconds> accepted;
  std::string client_ip;  // as HAProxy writes addresses; digits, hex digits, '.' and ':'
  std::uint16_t client_port = 0;
  std::string frontend;
  std::string termination;   // HAProxy's flags: "--", "PR", "SC"
  std::uint16_t status = 0;  // 0 = no answer was sent
  std::uint64_t bytes = 0;   // sent to the client
  std::optional<std::chrono::milliseconds> duration;
  std::string request_id;
  std::optional<std::uint32_t> class_id;
  std::string session;  // the first 16 hex digits of its key, lower case
  std::string why;      // why it was refused; empty = it was not
  std::string generation;
  std::optional<RouteRow> row;
  Verdict verdict;
  std::string method;      // empty when the request could not be read at all
  std::string host;        // bytes a host cannot have are written as #XX
  bool host_clean = true;  // false: `host` needed encoding or cutting, so it is no host of ours
  std::string path;        // HAProxy has written bytes that are not printable, '"' and '#' as #XX

  bool operator==(const AccessEvent&) const = default;
};

// Errors: ACL001 not an access line, ACL002 a field is missing, ACL003 a field is malformed. Any thread.
Result<AccessEvent> parse(std::string_view line);

// The worker and sequence number alone, from a line of which the rest may be anything: counting lines must
// not depend on what a client put into them.
struct LineNumber {
  std::uint32_t pid = 0;
  std::uint64_t seq = 0;
  bool operator==(const LineNumber&) const = default;
};
std::optional<LineNumber> line_number(std::string_view line);

}  // namespace durward::accesslog
