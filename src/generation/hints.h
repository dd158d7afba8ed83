// Words for people who were refused: what a policy asks for, which rule denied, what a reason means.
// Values hold only [A-Za-z0-9 .,:;()-], so they stand in HTML, JSON and a header alike without escaping.
#pragma once

#include "generation/generation.h"

namespace durward::generation {

Rows hint_rows(const policy::PolicySet& policies);     // policy token -> "Needs the role … ."
Rows rule_rows(const policy::PolicySet& policies);     // route row ":" verdict -> id of the denying rule
Rows rule_id_rows(const policy::PolicySet& policies);  // route row -> ids behind each ordinal
Rows reason_rows();                                    // reason word -> one sentence

}  // namespace durward::generation
