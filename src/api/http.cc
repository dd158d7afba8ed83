#include "api/http.h"

#include <algorithm>

#include "base/text.h"

namespace durward::api {
namespace {

std::optional<std::string> form_decode(std::string text) {
  std::replace(text.begin(), text.end(), '+', ' ');
  return percent_decode(text);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::string Request::path() const {
  return target.substr(0, target.find('?'));
}

std::string Request::query() const {
  const auto mark = target.find('?');
  return mark == std::string::npos ? "" : target.substr(mark + 1);
}

std::string Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

std::size_t Request::header_count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(headers.begin(), headers.end(),
                                                [&](const auto& header) { return header.first == name; }));
}

std::string Request::cookie(std::string_view name) const {
  std::string found;
  for (const auto& [key, value] : headers) {
    if (key != "cookie") continue;
    for (const auto& part : split(value, ';')) {
      const auto equals = part.find('=');
      if (equals == std::string::npos || trimmed(part.substr(0, equals)) != name) continue;
      if (!found.empty()) return {};  // two of them: whose would it be?
      found = std::string(trimmed(std::string_view(part).substr(equals + 1)));
    }
  }
  return found;
}

std::optional<Form> parse_form(std::string_view text) {
  Form out;
  if (text.empty()) return out;
  for (const auto& part : split(text, '&')) {
    const auto equals = part.find('=');
    auto name = form_decode(part.substr(0, equals));
    auto value = form_decode(equals == std::string::npos ? "" : part.substr(equals + 1));
    if (!name || !value || !out.emplace(*name, *value).second) return std::nullopt;
  }
  return out;
}

}  // namespace durward::api
