// The dimensions in which two policies can differ for somebody, and how a box over them is said.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policy/boxes.h"
#include "policy/difference.h"

namespace durward::policy {

// Roles that the rules of both policies never tell apart: one dimension, "no" and "yes".
struct RoleGroup {
  bool all = false;  // yes = all of them are held; else yes = any of them is
  std::vector<std::string> roles;
};

// Login levels that the rules never tell apart.
struct LevelGroup {
  std::vector<std::string> names;  // "" = below the ladder
  int before = -1, after = -1;     // positions of the first on the ladders; -1 = not there
};

struct Axes {
  std::vector<RoleGroup> roles;
  std::vector<LevelGroup> levels;  // weakest first; at the end those that the later ladder has not
  bool ladder_changed = false;
  std::vector<std::uint64_t> windows;      // each: which of Policy::windows hold
  std::vector<std::uint64_t> cells;        // each: in which of Policy::source_lists it is
  std::vector<std::chrono::seconds> ages;  // bounds; values are the intervals between, and beyond the last
  std::vector<std::string> window_names, source_names;

  Grid grid() const;            // roles…, level, windows, cells, age
  Grid anonymous_grid() const;  // windows, cells
  Share share(const Box& box) const;
  Share anonymous_share(const Box& box) const;
};

std::vector<RoleGroup> role_groups(const std::vector<CanonicalRule>& rules);
std::vector<LevelGroup> level_groups(const Side& before, const Side& after);

}  // namespace durward::policy
