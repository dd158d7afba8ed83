// Whether a TCP port is free to listen on.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace durward::sys {

// Binds and lets go. Errors: SYS030 with the reason.
Status can_listen(const std::string& address, std::uint16_t port);

}  // namespace durward::sys
