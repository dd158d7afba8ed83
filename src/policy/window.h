// Weekly windows on the real time line: what holds now, and the next instant at which that changes.
#pragma once

#include <chrono>
#include <string>

#include "model/model.h"

namespace durward::policy {

// DESIGN §2 rule 9: local wall time, half-open; a skipped hour does not exist, a repeated one counts twice.
// False when tzdata does not know the zone: ask known_zone() first where that would be unsafe.
bool contains(const model::WeeklyWindow& window, std::chrono::sys_seconds at);

// The least instant strictly after `at` at which contains() changes its answer, to the second, when that is
// within eight days; else eight days on (a window that always holds, or a zone that tzdata does not know).
// Pure but for tzdata.
std::chrono::sys_seconds next_change(const model::WeeklyWindow& window, std::chrono::sys_seconds at);

// The same window as a function of local wall time alone: `minute` of the week, 0 = Monday 00:00.
inline constexpr unsigned minutes_per_week = 7 * 24 * 60;
bool contains_minute(const model::WeeklyWindow& window, unsigned minute);

// The least instant after `at` at which the zone's offset from UTC changes; time_point::max() when none is
// known.
std::chrono::sys_seconds next_shift(const std::string& zone, std::chrono::sys_seconds at);

bool known_zone(const std::string& name);
// The release of the zone rules in use, "2024a"; "unknown" when the system does not say.
std::string tzdata_version();

}  // namespace durward::policy
