// A plan as people read it: who gains and loses first, then what HAProxy is told.
#pragma once

#include <string>

#include "cli/terminal.h"

namespace durward::cli {

// `access` as the control socket spells it (api::to_json). At most so many routes, so that it stays readable.
inline constexpr std::size_t routes_shown_max = 40;
inline constexpr std::size_t people_shown_max = 8;
std::string access_text(const Json& access);

// The whole answer of /v1/plan and /v1/apply.
std::string plan_text(const Json& answer);

}  // namespace durward::cli
