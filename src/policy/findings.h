// What is wrong, or looks wrong, with an estate's access rules. Findings never change a verdict.
#pragma once

#include "base/diagnostics.h"
#include "policy/compile.h"

namespace durward::policy {

void report_findings(const PolicySet& set, Diagnostics& diagnostics);

}  // namespace durward::policy
