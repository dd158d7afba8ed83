// The process's environment and user, read only.
#pragma once

#include <optional>
#include <string>

namespace durward::sys {

std::optional<std::string> environment(const std::string& name);  // nothing when not set

unsigned effective_user();

}  // namespace durward::sys
