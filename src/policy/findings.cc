#include "policy/findings.h"
namespace durward::policy {
void report_findings(const PolicySet&, Diagnostics&) {}
}  // namespace durward::policy
