#include "policy/findings.h"

namespace durward::policy {

void report_findings(const PolicySet& set, Diagnostics& diagnostics) {
  for (const model::App* app : set.model->all_apps()) report_rule_findings(set, *app, diagnostics);
  report_reach_findings(set, diagnostics);
  report_wide_findings(set, diagnostics);
}

}  // namespace durward::policy
