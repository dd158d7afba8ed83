// Numbers in text, strictly: all of the text is the number, no sign for unsigned ones, no spaces.
#pragma once

#include <charconv>
#include <string_view>

namespace durward::accesslog {

template <class Number>
bool to_number(std::string_view text, Number& into, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into, base);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace durward::accesslog
