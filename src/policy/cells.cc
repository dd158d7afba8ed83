#include "policy/cells.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/window.h"

namespace durward::policy {
namespace {

template <class T>
std::uint64_t bit_of(const std::vector<T>& sorted, const T& item) {
  return std::uint64_t{1} << (std::lower_bound(sorted.begin(), sorted.end(), item) - sorted.begin());
}

void number_windows_and_sources(Policy& policy) {
  std::set<model::WeeklyWindow> windows;
  std::set<model::Cidr> sources;
  std::set<std::vector<model::Cidr>> lists;
  std::set<int> levels;
  for (const auto& rule : policy.rules) {
    for (const auto* asked : {&rule.when, &rule.unless}) {
      if (!*asked) continue;
      windows.insert((*asked)->weekly.begin(), (*asked)->weekly.end());
      sources.insert((*asked)->source.begin(), (*asked)->source.end());
      if (!(*asked)->source.empty()) lists.insert((*asked)->source);
      if ((*asked)->acr) levels.insert(*(*asked)->acr);
    }
  }
  policy.windows.assign(windows.begin(), windows.end());
  policy.sources.assign(sources.begin(), sources.end());
  policy.source_lists.assign(lists.begin(), lists.end());
  policy.levels.assign(levels.begin(), levels.end());
}

std::optional<Test> test_of(const Policy& policy, const std::optional<CanonicalRule::When>& asked) {
  if (!asked) return std::nullopt;
  Test test{.acr = asked->acr, .auth_age = asked->auth_age};
  for (const auto& window : asked->weekly) test.windows |= bit_of(policy.windows, window);
  if (!asked->source.empty()) test.source_lists = bit_of(policy.source_lists, asked->source);
  return test;
}

// Networks nest or are disjoint, so the longest that holds an address decides which of the others do too.
// Networks that stand in the same lists share a cell.
void number_cells(Policy& policy) {
  std::map<std::uint64_t, unsigned> numbers{{0, 0}};
  policy.cell_lists = {0};
  policy.cell_rows.clear();
  for (const auto& source : policy.sources) {
    std::uint64_t lists = 0;
    for (std::size_t i = 0; i < policy.source_lists.size(); ++i) {
      const auto& list = policy.source_lists[i];
      if (std::any_of(list.begin(), list.end(), [&](const auto& cidr) { return covers(cidr, source); }))
        lists |= std::uint64_t{1} << i;
    }
    const auto [it, added] = numbers.emplace(lists, static_cast<unsigned>(policy.cell_lists.size()));
    if (added) policy.cell_lists.push_back(lists);
    policy.cell_rows.emplace_back(source, it->second);
  }
  policy.cells = static_cast<unsigned>(policy.cell_lists.size());
}

bool in_one_zone(const std::vector<model::WeeklyWindow>& windows) {
  return std::all_of(windows.begin(), windows.end(),
                     [&](const auto& w) { return w.zone == windows.front().zone; });
}

// An unconditional allow for those with a session, one for those without, and nothing that denies.
bool is_open(const std::vector<CanonicalRule>& rules) {
  bool anonymous = false, signed_in = false;
  for (const auto& rule : rules) {
    if (rule.effect == model::Effect::deny) return false;
    if (rule.when || rule.unless) continue;
    anonymous |= rule.who == model::Who::anyone || rule.who == model::Who::anonymous;
    signed_in |= rule.who == model::Who::anyone || rule.who == model::Who::signed_in;
  }
  return anonymous && signed_in;
}

}  // namespace

bool covers(const model::Cidr& outer, const model::Cidr& inner) {
  return outer.prefix <= inner.prefix && outer.contains(inner.network);
}

std::vector<std::uint64_t> window_sets_of_week(const std::vector<model::WeeklyWindow>& windows) {
  constexpr unsigned day = 24 * 60;
  std::set<unsigned> boundaries{0};
  for (const auto& window : windows) {
    for (unsigned start = 0; start < minutes_per_week; start += day) {
      boundaries.insert(start + window.start_minute);
      boundaries.insert((start + window.end_minute) % minutes_per_week);
    }
  }
  std::set<std::uint64_t> sets;
  for (const unsigned minute : boundaries) {
    std::uint64_t held = 0;
    for (std::size_t i = 0; i < windows.size(); ++i)
      if (contains_minute(windows[i], minute)) held |= std::uint64_t{1} << i;
    sets.insert(held);
  }
  return {sets.begin(), sets.end()};
}

bool derive(Policy& policy, std::string& problem) {
  number_windows_and_sources(policy);
  if (policy.windows.size() > windows_per_policy_max) {
    problem = fmt::format("the rules of one route name {} different weekly windows; at most {} are possible",
                          policy.windows.size(), windows_per_policy_max);
    return false;
  }
  if (policy.source_lists.size() > source_lists_per_policy_max) {
    problem = fmt::format("the rules of one route have {} different source lists; at most {} are possible",
                          policy.source_lists.size(), source_lists_per_policy_max);
    return false;
  }
  number_cells(policy);
  if (in_one_zone(policy.windows)) policy.week = window_sets_of_week(policy.windows);
  // In several zones the sets that occur depend on the year; each boundary of a week begins at most one.
  const std::size_t sets = policy.week.empty() ? policy.windows.size() * 14 : policy.week.size();
  if (sets * policy.cells > slices_per_policy_max) {
    problem = fmt::format(
        "the windows and networks of one route cut time and place into {} pieces; at most {} are possible",
        sets * policy.cells, slices_per_policy_max);
    return false;
  }
  policy.tests.clear();
  for (const auto& rule : policy.rules)
    policy.tests.push_back({test_of(policy, rule.when), test_of(policy, rule.unless)});
  policy.open = is_open(policy.rules);
  return true;
}

unsigned cell_of(const Policy& policy, const model::IpAddress& source) {
  unsigned cell = 0, longest = 0;
  for (const auto& [cidr, number] : policy.cell_rows) {
    if (cidr.prefix < longest || !cidr.contains(source)) continue;
    longest = cidr.prefix;
    cell = number;
  }
  return cell;
}

}  // namespace durward::policy
