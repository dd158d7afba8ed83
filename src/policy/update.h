// A PolicySet made from another one when the access of a few apps has changed.
#pragma once

#include "policy/compile.h"

namespace durward::policy {

// What compile() would make of `model`, but for findings. `model` has the apps of before.model, in the same
// order; those of `part` (compiled by themselves) replace theirs, the others are unchanged.
PolicySetPtr update(const PolicySet& before, model::ModelPtr model, const PolicySet& part);

}  // namespace durward::policy
