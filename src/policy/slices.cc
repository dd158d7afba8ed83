#include <algorithm>

#include "policy/compile.h"
#include "policy/window.h"

namespace durward::policy {
namespace {

using std::chrono::sys_seconds;

// One year, and a day for leap years.
constexpr std::chrono::days k_ahead{366};
constexpr std::chrono::days k_week{7};

// While no zone shifts its clock, what holds repeats weekly: the sets of one week of each such period are all
// of them.
std::vector<std::uint64_t> window_sets(const Policy& policy, sys_seconds at) {
  if (!policy.week.empty()) return policy.week;
  std::set<std::uint64_t> sets;
  const sys_seconds end = at + k_ahead;
  for (sys_seconds from = at; from < end;) {
    sys_seconds shift = end;
    for (const auto& window : policy.windows) shift = std::min(shift, next_shift(window.zone, from));
    const sys_seconds week_end = std::min<sys_seconds>(from + k_week, shift);
    while (from < week_end) {
      const Slot slot = slot_at(policy, from);
      sets.insert(slot.windows);
      from = slot.end;
    }
    from = shift;
  }
  return {sets.begin(), sets.end()};
}

}  // namespace

Slot slot_at(const Policy& policy, sys_seconds at) {
  Slot slot{.windows = 0, .end = sys_seconds::max()};
  for (std::size_t i = 0; i < policy.windows.size(); ++i) {
    if (contains(policy.windows[i], at)) slot.windows |= std::uint64_t{1} << i;
    slot.end = std::min(slot.end, next_change(policy.windows[i], at));
  }
  return slot;
}

std::vector<Slice> slices(const Policy& policy, sys_seconds at) {
  std::vector<Slice> out;
  for (const std::uint64_t windows : window_sets(policy, at))
    for (unsigned cell = 0; cell < policy.cells; ++cell) out.push_back({.windows = windows, .cell = cell});
  return out;
}

}  // namespace durward::policy
