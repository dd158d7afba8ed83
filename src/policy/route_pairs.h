// Which route judges a request under one estate, and which under another: every request there can be, told
// apart by host, path and method, found by asking the evaluator about one of each kind.
#pragma once

#include <string>
#include <vector>

#include "policy/compile.h"

namespace durward::policy {

inline constexpr std::size_t kinds_of_path_max = 100'000;  // of one host; beyond, some are not looked at

struct RoutePair {
  const RoutePolicy* before = nullptr;  // null: no route took these requests
  const RoutePolicy* after = nullptr;   // not both null
  std::vector<std::string> hosts;       // sorted
  std::vector<std::string> methods;     // sorted; "*" = every method that no rule or route names
  // The narrower of the two routes, which says what requests these are.
  const RoutePolicy& narrower() const;
};

struct RoutePairs {
  std::vector<RoutePair> pairs;  // in the order of the later estate's routes, then of the earlier's
  bool complete = true;
};

RoutePairs pair_routes(const PolicySet& before, const PolicySet& after);

}  // namespace durward::policy
