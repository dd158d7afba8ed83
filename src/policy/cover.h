// Inclusion of rules: each dimension of a rule is a set, a rule is a box, and one box may lie inside another.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/compile.h"

namespace durward::policy {

// Whatever `narrow` matches, `wide` matches too; effects are not compared. True is certain; false may mean
// that windows in different time zones could not be compared, or that only several rules together would cover
// it.
bool covers(const CanonicalRule& wide, const CanonicalRule& narrow);

// The same of `when`s alone; none holds always.
bool covers(const std::optional<CanonicalRule::When>& wide, const std::optional<CanonicalRule::When>& narrow);

// Whoever `narrow` allows, `wide` allows too. As certain as the above.
bool covers(const Policy& wide, const Policy& narrow);

}  // namespace durward::policy
