// Weekly windows on the real time line: what holds now, and the next instant at which that changes.
#pragma once

#include <chrono>

#include "model/model.h"

namespace durward::policy {

// DESIGN §2 rule 9: local wall time, half-open; a skipped hour does not exist, a repeated one counts twice.
bool contains(const model::WeeklyWindow& window, std::chrono::sys_seconds at);

// The least instant strictly after `at` at which contains() may change its answer (never later than the true
// change; at most eight days on). Pure but for tzdata.
std::chrono::sys_seconds next_change(const model::WeeklyWindow& window, std::chrono::sys_seconds at);

bool known_zone(const std::string& name);
std::string tzdata_version();

}  // namespace durward::policy
