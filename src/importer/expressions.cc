#include "importer/expressions.h"

#include <array>

#include "base/text.h"

namespace durward::importer {
namespace {

constexpr std::string_view special = ".^$*+?()[]{}|\\";

// The bytes that a pattern without operators stands for.
std::optional<std::string> literal(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      const char next = i + 1 < text.size() ? text[++i] : '\0';
      const bool letter =
          (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') || (next >= '0' && next <= '9');
      if (next == '\0' || letter) return std::nullopt;  // \d, \b ...
      out += next;
    } else if (special.find(text[i]) != std::string_view::npos) {
      return std::nullopt;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct Ending {
  std::string_view text;
  bool itself;    // the text alone matches
  bool below;     // text + "/..." matches
  bool slash;     // text + "/" alone matches
  bool anything;  // text + anything matches
};
constexpr std::array endings{
    Ending{"(/.*)?$", true, true, false, false}, Ending{"(?:/.*)?$", true, true, false, false},
    Ending{"(/|$)", true, true, false, false},   Ending{"(?:/|$)", true, true, false, false},
    Ending{"($|/)", true, true, false, false},   Ending{"/?$", true, false, true, false},
    Ending{".*$", false, false, false, true},    Ending{".*", false, false, false, true},
    Ending{"$", true, false, false, false},
};

// "a", "b" of "x(a|b)y"; the pattern itself without a group.
std::optional<std::vector<std::string>> alternatives(std::string_view text) {
  const auto open = text.find('(');
  if (open == std::string_view::npos) {
    auto whole = literal(text);
    return whole ? std::optional(std::vector{*whole}) : std::nullopt;
  }
  const auto close = text.find(')', open);
  if (close == std::string_view::npos || (open > 0 && text[open - 1] == '\\')) return std::nullopt;
  std::string_view inner = text.substr(open + 1, close - open - 1);
  if (inner.starts_with("?:")) inner.remove_prefix(2);
  const auto before = literal(text.substr(0, open));
  const auto after = literal(text.substr(close + 1));
  if (!before || !after) return std::nullopt;
  std::vector<std::string> out;
  for (const std::string& part : split(inner, '|')) {
    const auto middle = literal(part);
    if (!middle) return std::nullopt;
    out.push_back(*before + *middle + *after);
  }
  return out;
}

}  // namespace

std::optional<SimpleExpression> simple_expression(std::string_view text) {
  if (!text.starts_with('^')) return std::nullopt;
  text.remove_prefix(1);
  Ending ending{"", false, false, false, true};
  for (const Ending& candidate : endings) {
    if (!text.ends_with(candidate.text)) continue;
    ending = candidate;
    text.remove_suffix(candidate.text.size());
    break;
  }
  const auto texts = alternatives(text);
  if (!texts) return std::nullopt;
  SimpleExpression out;
  for (const std::string& one : *texts) {
    if (ending.itself) out.exact.push_back(one);
    if (ending.slash) out.exact.push_back(one + "/");
    if (ending.below) out.prefix.push_back(one + "/");
    if (ending.anything) out.prefix.push_back(one);
  }
  return out;
}

}  // namespace durward::importer
