// How one canonical rule bears on a class in a slice: the pieces that facts and findings are made of.
#pragma once

#include "policy/compile.h"

namespace durward::policy {

// Whether a rule matches, as a function of the login's age. An allow holds up to `bound` and a deny beyond
// it.
struct Fit {
  enum class Kind { never, always, by_age } kind = Kind::never;
  std::chrono::seconds bound{};
};

// Who asks, but for roles and login age. Without a session there is no age, known: no bound is kept.
struct Standing {
  bool signed_in = false;
  int acr = -1;
};

// `when` and `unless` of rules[rule]; its audience is not looked at.
Fit circumstances(const Policy& policy, std::size_t rule, const Standing& standing, const Slice& slice);

// The audience of `rule`, unknowns settled as its effect demands: false in an allow, true in a deny.
bool addresses(const CanonicalRule& rule, const Class& subject_class);

// Some signed-in subject (any roles, all known; any level; authenticated this instant) is allowed in this
// slice. Contrived rules make the search exponential: `work_left` counts down, and nothing means that it ran
// out. compile() refuses a policy whose slices need more than search_work_max together (POL003), so no later
// search runs out.
inline constexpr std::size_t search_work_max = 1'000'000;
std::optional<bool> some_session_allowed(const Policy& policy, const Slice& slice, std::size_t& work_left);

}  // namespace durward::policy
