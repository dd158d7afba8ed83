// What a policy can see of time and place: its windows and networks, numbered.
#pragma once

#include "policy/compile.h"

namespace durward::policy {

// Fills everything of `policy` that is derived from its rules, except `name`. False, with `policy` of no use,
// when a bound of compile.h is passed; `problem` then says which.
bool derive(Policy& policy, std::string& problem);

// `outer` contains every address of `inner`.
bool covers(const model::Cidr& outer, const model::Cidr& inner);

// The window sets that occur in a week whose windows are all in one zone. Sorted, unique.
std::vector<std::uint64_t> window_sets_of_week(const std::vector<model::WeeklyWindow>& windows);

}  // namespace durward::policy
