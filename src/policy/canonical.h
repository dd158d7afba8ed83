// The canonical form of access rules: what two routes must share to share a policy.
#pragma once

#include <string>
#include <vector>

#include "policy/compile.h"

namespace durward::policy {

CanonicalRule canonical(const model::AccessRule& rule);

// Injective; equal rules give equal bytes. `rules` is sorted.
std::string canonical_text(const std::vector<CanonicalRule>& rules);

std::string policy_name(const std::string& canonical_text);

}  // namespace durward::policy
