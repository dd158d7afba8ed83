#include "generation/rows.h"

#include <fmt/format.h>

namespace durward::generation {
namespace {

char kind(const policy::Policy& policy) {
  if (policy.open) return 'o';
  const bool windows = !policy.windows.empty();
  const bool sources = !policy.sources.empty();
  return windows && sources ? 'x' : windows ? 'w' : sources ? 's' : 'p';
}

std::string ordinals(const std::vector<unsigned>& rules) {
  return fmt::format("{}", fmt::join(rules, "."));
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
  switch (fact.kind) {
    case policy::Fact::Kind::allow:
      if (fact.max_age) return fmt::format("B|{}|{}", fact.max_age->count(), ordinals(fact.rules));
      return "A|" + ordinals(fact.rules);
    case policy::Fact::Kind::deny:
      return "D|" + ordinals(fact.rules);
    case policy::Fact::Kind::step_up:
      return fmt::format(
          "U|{}|{}", fact.acr >= 0 ? gateway.acr[static_cast<std::size_t>(fact.acr)].value : std::string("-"),
          fact.max_age ? std::to_string(fact.max_age->count()) : std::string("-"));
    case policy::Fact::Kind::login:
      return "L|-";
  }
  return {};
}

std::string slot_value(const policy::Policy& policy, std::chrono::sys_seconds at) {
  const policy::Slot now = policy::slot_at(policy, at);
  const policy::Slot next = policy::slot_at(policy, now.end);
  return fmt::format("{:x}|{}|{:x}|{}", now.windows, now.end.time_since_epoch().count(), next.windows,
                     next.end.time_since_epoch().count());
}

}  // namespace durward::generation
