// What a run is asked to do: the command line of the suite.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace durward::differential {

struct Settings {
  std::uint64_t seed = 20'261'123;
  unsigned cases = 10'000;                                   // of estates that stand still
  unsigned updates = 12;                                     // of estates that change while requests run
  unsigned least = 10;                                       // of each kind that the coverage knows
  std::optional<std::chrono::steady_clock::time_point> end;  // ends then, having done what it could
  std::optional<unsigned> only;        // one case: estate * 400 + probe; and nothing else
  std::optional<unsigned> only_chain;  // one estate that changes
};

// Fixed when main() has read the command line.
const Settings& settings();
bool over();  // the time, when there is a limit

// Each estate has a random sequence of its own, so that one can be made without those before it.
std::uint64_t seed_of(std::uint64_t stream, std::uint64_t number);

}  // namespace durward::differential
