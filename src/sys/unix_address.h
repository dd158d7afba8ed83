// The address of a unix socket. Internal to sys/.
#pragma once

#include <sys/un.h>

#include <algorithm>
#include <optional>
#include <string>

namespace durward::sys {

// Nothing when the path is empty or too long for the kernel (107 bytes).
inline std::optional<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return std::nullopt;
  std::ranges::copy(path, address.sun_path);
  return address;
}
constexpr const char* unix_path_bounds = "a socket path has 1 to 107 bytes";

}  // namespace durward::sys
