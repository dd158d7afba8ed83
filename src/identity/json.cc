#include "identity/json.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

namespace durward::identity {
namespace {

constexpr std::int64_t date_seconds_end = std::int64_t{1} << 33;

}  // namespace

Result<Json> parse_object(std::string_view text, const std::string& code, const std::string& what) {
  std::vector<std::set<std::string>> members;
  const char* fault = nullptr;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > json_depth_max) fault = "is nested too deeply";
    switch (event) {
      case Json::parse_event_t::object_start:
        members.emplace_back();
        break;
      case Json::parse_event_t::object_end:
        members.pop_back();
        break;
      case Json::parse_event_t::key:
        if (!members.back().insert(parsed.get<std::string>()).second) fault = "has a member twice";
        break;
      default:
        break;
    }
    return true;
  };
  Json value = Json::parse(text.begin(), text.end(), watch, false);
  if (fault != nullptr) return fail(code, what + " " + fault);
  if (value.is_discarded()) return fail(code, what + " is not JSON");
  if (!value.is_object()) return fail(code, what + " is not a JSON object");
  return value;
}

std::optional<std::string> string_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<std::chrono::sys_seconds> numeric_date(const Json& value) {
  std::int64_t count = 0;
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number >= static_cast<std::uint64_t>(date_seconds_end)) return std::nullopt;
    count = static_cast<std::int64_t>(number);
  } else if (value.is_number_float()) {
    const auto number = value.get<double>();
    if (!std::isfinite(number) || number < 1 || number >= static_cast<double>(date_seconds_end)) {
      return std::nullopt;
    }
    count = static_cast<std::int64_t>(number);
  } else {
    return std::nullopt;  // negative integers are number_integer, not number_unsigned
  }
  if (count < 1) return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::seconds(count));
}

bool printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c <= 0x7e; });
}

}  // namespace durward::identity
