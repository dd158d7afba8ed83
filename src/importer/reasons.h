// Why a directive is not carried, and what to do instead: one table for all that no pass of its own looks at.
#pragma once

#include "importer/config.h"

namespace durward::importer {

// Notes for a directive of which nothing has been said yet.
void give_reason(Context& context, const Section& section, const Directive& directive);

}  // namespace durward::importer
