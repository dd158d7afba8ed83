#include "policy/cover.h"

#include <algorithm>

#include "policy/cells.h"

namespace durward::policy {
namespace {

using When = CanonicalRule::When;
using Names = std::vector<std::string>;
using Windows = std::vector<model::WeeklyWindow>;
using Networks = std::vector<model::Cidr>;

bool has(const Names& sorted, const std::string& name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

template <class T>
bool includes(const std::vector<T>& wide, const std::vector<T>& narrow) {
  return std::includes(wide.begin(), wide.end(), narrow.begin(), narrow.end());
}

// ---- who

bool role_lists_cover(const CanonicalRule& wide, const CanonicalRule& narrow) {
  // One role that must be held counts as held, also when it is the only choice of a list.
  const auto must_hold = [&](const std::string& role) {
    return has(narrow.all_of, role) || (narrow.any_of.size() == 1 && narrow.any_of.front() == role);
  };
  const bool any = wide.any_of.empty() || (!narrow.any_of.empty() && includes(wide.any_of, narrow.any_of)) ||
                   std::any_of(wide.any_of.begin(), wide.any_of.end(), must_hold);
  return any && std::all_of(wide.all_of.begin(), wide.all_of.end(), must_hold) &&
         includes(narrow.none_of, wide.none_of);
}

bool audience_covers(const CanonicalRule& wide, const CanonicalRule& narrow) {
  switch (wide.who) {
    case model::Who::anyone:
      return true;
    case model::Who::signed_in:
      return narrow.who == model::Who::signed_in ||
             (narrow.who == model::Who::roles && !(narrow.any_of.empty() && narrow.all_of.empty()));
    case model::Who::anonymous:
      return narrow.who == model::Who::anonymous;
    case model::Who::roles:
      break;
  }
  if (narrow.who == model::Who::roles) return role_lists_cover(wide, narrow);
  // Someone without a session holds no role.
  return narrow.who == model::Who::anonymous && wide.any_of.empty() && wide.all_of.empty();
}

// ---- when

bool same_zone(const Windows& a, const Windows& b) {
  const auto in_first = [&](const auto& window) { return window.zone == a.front().zone; };
  return std::all_of(a.begin(), a.end(), in_first) && std::all_of(b.begin(), b.end(), in_first);
}

// Comparing windows minute by minute costs their number squared, and every two rules of an app may be
// compared.
constexpr std::size_t k_windows_compared_max = 8;

// The sets of a week in which some window of `a` holds: do all (or none) of them have one of `b`? False when
// unsure.
template <class Wanted>
bool whenever(const Windows& a, const Windows& b, Wanted wanted) {
  if (a.size() + b.size() > k_windows_compared_max || !same_zone(a, b)) return false;
  Windows both = a;
  both.insert(both.end(), b.begin(), b.end());
  const std::uint64_t in_a = (std::uint64_t{1} << a.size()) - 1;
  const auto sets = window_sets_of_week(both);
  return std::all_of(sets.begin(), sets.end(),
                     [&](std::uint64_t set) { return (set & in_a) == 0 || wanted((set & ~in_a) != 0); });
}

bool windows_cover(const Windows& wide, const Windows& narrow) {
  return includes(wide, narrow) || whenever(narrow, wide, [](bool in_wide) { return in_wide; });
}

bool windows_apart(const Windows& a, const Windows& b) {
  return whenever(a, b, [](bool in_b) { return !in_b; });
}

// The two halves of a network, each one bit longer.
std::pair<model::Cidr, model::Cidr> halves(const model::Cidr& whole) {
  model::Cidr low = whole, high = whole;
  low.prefix = high.prefix = whole.prefix + 1;
  auto& byte = high.network.bytes[whole.prefix / 8];
  byte = static_cast<std::uint8_t>(byte | (0x80U >> whole.prefix % 8));
  return {low, high};
}

bool networks_cover(const Networks& wide, const model::Cidr& narrow) {
  if (std::any_of(wide.begin(), wide.end(), [&](const auto& cidr) { return policy::covers(cidr, narrow); }))
    return true;
  // Several may cover together what none covers alone, but only if some lie inside it.
  if (std::none_of(wide.begin(), wide.end(), [&](const auto& cidr) { return policy::covers(narrow, cidr); }))
    return false;
  const auto [low, high] = halves(narrow);
  return networks_cover(wide, low) && networks_cover(wide, high);
}

bool networks_apart(const Networks& a, const Networks& b) {
  return std::none_of(a.begin(), a.end(), [&](const auto& x) {
    return std::any_of(b.begin(), b.end(),
                       [&](const auto& y) { return policy::covers(x, y) || policy::covers(y, x); });
  });
}

// No request meets both.
bool apart(const When& a, const When& b) {
  if (!a.weekly.empty() && !b.weekly.empty() && windows_apart(a.weekly, b.weekly)) return true;
  return !a.source.empty() && !b.source.empty() && networks_apart(a.source, b.source);
}

// Whatever `narrow` matches escapes `unless`.
bool never_exempts(const std::optional<When>& unless, const CanonicalRule& narrow) {
  if (!unless) return true;
  if (narrow.unless && covers(narrow.unless, unless)) return true;
  return narrow.when && apart(*unless, *narrow.when);
}

}  // namespace

bool covers(const std::optional<When>& wide, const std::optional<When>& narrow) {
  if (!wide) return true;
  if (!narrow) return false;
  if (wide->acr && !(narrow->acr && *narrow->acr >= *wide->acr)) return false;
  if (wide->auth_age && !(narrow->auth_age && *narrow->auth_age <= *wide->auth_age)) return false;
  if (!wide->weekly.empty() && (narrow->weekly.empty() || !windows_cover(wide->weekly, narrow->weekly)))
    return false;
  if (wide->source.empty()) return true;
  return !narrow->source.empty() &&
         std::all_of(narrow->source.begin(), narrow->source.end(),
                     [&](const auto& cidr) { return networks_cover(wide->source, cidr); });
}

bool covers(const CanonicalRule& wide, const CanonicalRule& narrow) {
  return audience_covers(wide, narrow) && covers(wide.when, narrow.when) &&
         never_exempts(wide.unless, narrow);
}

bool covers(const Policy& wide, const Policy& narrow) {
  const auto covered_in = [](const CanonicalRule& rule, const Policy& by) {
    return std::any_of(by.rules.begin(), by.rules.end(),
                       [&](const auto& other) { return other.effect == rule.effect && covers(other, rule); });
  };
  for (const auto& rule : narrow.rules)
    if (rule.effect == model::Effect::allow && !covered_in(rule, wide)) return false;
  for (const auto& rule : wide.rules)
    if (rule.effect == model::Effect::deny && !covered_in(rule, narrow)) return false;
  return true;
}

}  // namespace durward::policy
