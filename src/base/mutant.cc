#include "base/mutant.h"

#ifdef DURWARD_MUTANTS
#include <cstdlib>

namespace durward {

bool mutant(std::string_view name) noexcept {
  static const char* const chosen = std::getenv("DURWARD_MUTANT");
  return chosen != nullptr && name == chosen;
}

}  // namespace durward
#endif
