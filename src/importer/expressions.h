// The few regular expressions that say no more than texts and prefixes do.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace durward::importer {

struct SimpleExpression {
  std::vector<std::string> exact;
  std::vector<std::string> prefix;
};

// "^/api(/|$)", "^/(a|b)/", "^www\.example\.com$": anchored literals with at most one group of alternatives
// and a usual ending. Nothing for everything else.
std::optional<SimpleExpression> simple_expression(std::string_view text);

}  // namespace durward::importer
