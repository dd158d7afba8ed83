// What looks wrong with an estate's access rules. Findings never change a verdict.
#pragma once

#include "base/diagnostics.h"
#include "policy/compile.h"

namespace durward::policy {

// All of them, in the order of apps.
void report_findings(const PolicySet& set, Diagnostics& diagnostics);

// Rules by themselves and beside the others of their app: POL101 to POL104, POL108.
void report_rule_findings(const PolicySet& set, const model::App& app, Diagnostics& diagnostics);

// What routes come to: POL003, POL105, POL106.
void report_reach_findings(const PolicySet& set, Diagnostics& diagnostics);

// {**} routes against the narrower routes of their hosts: POL107.
void report_wide_findings(const PolicySet& set, Diagnostics& diagnostics);

}  // namespace durward::policy
