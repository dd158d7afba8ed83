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
// slice. Nothing when the rules are too contrived to tell within a bound; compile() refuses such a policy
// (POL003).
std::optional<bool> some_session_allowed(const Policy& policy, const Slice& slice);

}  // namespace durward::policy
