// JSON from outside: strict, bounded, no duplicate members. Internal to identity and session.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace durward::identity {

using Json = nlohmann::json;

constexpr int json_depth_max = 16;

// An object, or the error `code` with `what` in its message. Refused: any syntax error, a member given twice
// at any depth (parsers differ on which one counts), nesting beyond json_depth_max, invalid UTF-8.
Result<Json> parse_object(std::string_view text, const std::string& code, const std::string& what);

// The member when it is there and of that type, else nothing.
std::optional<std::string> string_member(const Json& object, const char* name);

// JSON text; bytes that are no UTF-8 are replaced, so it never throws.
std::string dump(const Json& value);

// A NumericDate that fits the calendar: an integer, or a float within range (cut to whole seconds); after
// 1970 and before 2242, so that milliseconds are refused. Nothing for anything else.
std::optional<std::chrono::sys_seconds> numeric_date(const Json& value);

bool printable_ascii(std::string_view text);  // 0x20 to 0x7e only

}  // namespace durward::identity
