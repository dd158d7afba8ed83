#include "generation/rows.h"
#include "base/mutant.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace durward::generation {
namespace {

char kind(const policy::Policy& policy) {
  if (policy.open) return 'o';
  const bool windows = !policy.windows.empty();
  const bool sources = !policy.sources.empty();
  return windows && sources ? 'x' : windows ? 'w' : sources ? 's' : 'p';
}

std::string ordinals(const std::vector<unsigned>& rules) {
  const auto end = rules.begin() + static_cast<std::ptrdiff_t>(std::min(rules.size(), rules_named_max));
  return fmt::format("{}", fmt::join(rules.begin(), end, "."));
}

std::string plain_value(const policy::Fact& fact, const std::vector<unsigned>& rules,
                        const model::Gateway& gateway) {
  switch (fact.kind) {
    case policy::Fact::Kind::allow:
      if (fact.max_age)
        return fmt::format("B|{}|{}", fact.max_age->count() - (mutant("age-boundary-exclusive") ? 1 : 0),
                           ordinals(rules));
      return "A|" + ordinals(rules);
    case policy::Fact::Kind::deny:
      return rules.empty() ? "-" : "D|" + ordinals(rules);
    case policy::Fact::Kind::step_up:
      return fmt::format(
          "U|{}|{}", fact.acr >= 0 ? gateway.acr[static_cast<std::size_t>(fact.acr)].value : std::string("-"),
          fact.max_age ? std::to_string(fact.max_age->count()) : std::string("-"));
    case policy::Fact::Kind::login:
      return "L|-";
  }
  return {};
}

// The rules that match from just after `after` on, up to the next bound.
std::vector<unsigned> rules_at(const policy::Fact& fact, std::optional<std::chrono::seconds> after) {
  std::vector<unsigned> out = fact.rules;
  for (const auto& [rule, bound] : fact.aged) {
    const bool past = after && bound <= *after;
    if (past == (fact.kind == policy::Fact::Kind::deny)) out.push_back(rule);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

std::string policy_token(const policy::Policy& policy) {
  return kind(policy) + policy.name.substr(1);
}

std::string slice_token(const policy::Policy& policy, const policy::Slice& slice) {
  std::string out = policy_token(policy);
  if (!policy.windows.empty()) out += fmt::format(".{:x}", slice.windows);
  if (!policy.sources.empty()) out += fmt::format("/{}", slice.cell);
  return out;
}

std::string verdict_key(std::uint32_t class_id, const policy::Policy& policy, const policy::Slice& slice) {
  return fmt::format("{}.{}|", class_id, slice_token(policy, slice));
}

std::string verdict_value(const policy::Fact& fact, const model::Gateway& gateway) {
  std::string out = plain_value(fact, rules_at(fact, std::nullopt), gateway);
  std::set<std::chrono::seconds> bounds;
  for (const auto& [rule, bound] : fact.aged) bounds.insert(bound);
  unsigned stages = 0;
  for (const auto& bound : bounds) {
    if (stages++ == verdict_stages_max) break;
    out += fmt::format("~{}~{}", bound.count(), plain_value(fact, rules_at(fact, bound), gateway));
  }
  return out;
}

unsigned verdict_stages(const policy::Policy& policy) {
  std::set<std::chrono::seconds> bounds;
  unsigned allows = 0;
  bool aged_allow = false, aged_deny = false;
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    const bool allow = policy.rules[i].effect == model::Effect::allow;
    allows += allow ? 1 : 0;
    for (const auto* test : {&policy.tests[i].when, &policy.tests[i].unless}) {
      if (!*test || !(*test)->auth_age) continue;
      bounds.insert(*(*test)->auth_age);
      (allow ? aged_allow : aged_deny) = true;
    }
  }
  // A lone allow that asks for a fresh login is one number: the greatest age.
  if (!aged_deny && !(aged_allow && allows > 1)) return 0;
  return std::min(static_cast<unsigned>(bounds.size()), verdict_stages_max);
}

std::string slot_value(const policy::Policy& policy, std::chrono::sys_seconds at) {
  policy::Slot now = policy::slot_at(policy, at);
  const policy::Slot next = policy::slot_at(policy, now.end);
  if (mutant("window-end-inclusive")) now.end += std::chrono::seconds(1);
  return fmt::format("{:x}|{}|{:x}|{}", now.windows, now.end.time_since_epoch().count(), next.windows,
                     next.end.time_since_epoch().count());
}

}  // namespace durward::generation
