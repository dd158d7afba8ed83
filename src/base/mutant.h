// Faults on purpose. A suite that guards something has to fail when that thing is broken; a *mutant* is the
// breaking, built into our own code and off unless the environment names it: DURWARD_MUTANT=NAME. `./dev
// prove --mutants` runs each against the suite that should see it. Builds without the CMake option
// DURWARD_MUTANTS (the release) hold none of it: there the question is the constant `false`, and the branch
// behind it is not compiled in.
//
// Threads: any. One process has at most one mutant, fixed when it starts.
#pragma once
#include <string_view>

namespace durward {

#ifdef DURWARD_MUTANTS
// Whether this process is to be broken in the way `name` says. tests/mutants/ lists the names.
[[nodiscard]] bool mutant(std::string_view name) noexcept;
#else
[[nodiscard]] constexpr bool mutant(std::string_view /*name*/) noexcept {
  return false;
}
#endif

}  // namespace durward
