#include "sys/environment.h"

#include <unistd.h>

#include <cstdlib>

namespace durward::sys {

std::optional<std::string> environment(const std::string& name) {
  const char* value = ::getenv(name.c_str());
  if (!value) return std::nullopt;
  return std::string(value);
}

unsigned effective_user() {
  return ::geteuid();
}

}  // namespace durward::sys
