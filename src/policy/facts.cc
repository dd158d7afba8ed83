#include <algorithm>

#include "policy/compile.h"
#include "policy/judge.h"

namespace durward::policy {
namespace {

using model::Effect;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Aged = std::vector<std::pair<unsigned, seconds>>;

// The rules whose audience a class is in; the same in every slice and at every level.
std::vector<unsigned> rules_for(const Policy& policy, const Class& who) {
  std::vector<unsigned> out;
  for (unsigned i = 0; i < policy.rules.size(); ++i)
    if (addresses(policy.rules[i], who)) out.push_back(i);
  return out;
}

// Which of those match in one slice at one level.
struct Tally {
  std::vector<unsigned> allows, denies;
  Aged aged_allows, aged_denies;

  bool allowed_when_fresh() const { return denies.empty() && !(allows.empty() && aged_allows.empty()); }

  // The greatest login age that is allowed, given that a fresh login is; none = any.
  std::optional<seconds> greatest_age() const {
    std::optional<seconds> out;
    if (allows.empty()) {
      for (const auto& [rule, bound] : aged_allows) out = std::max(out.value_or(bound), bound);
    }
    for (const auto& [rule, bound] : aged_denies) out = std::min(out.value_or(bound), bound);
    return out;
  }
};

Tally tally(const Policy& policy, const std::vector<unsigned>& rules, const Standing& standing,
            const Slice& slice) {
  Tally out;
  for (const unsigned i : rules) {
    const bool allow = policy.rules[i].effect == Effect::allow;
    const Fit fit = circumstances(policy, i, standing, slice);
    if (fit.kind == Fit::Kind::always) (allow ? out.allows : out.denies).push_back(i);
    if (fit.kind == Fit::Kind::by_age) (allow ? out.aged_allows : out.aged_denies).emplace_back(i, fit.bound);
  }
  return out;
}

Fact allow_fact(const Tally& matches) {
  Fact out{.kind = Fact::Kind::allow, .rules = matches.allows, .max_age = matches.greatest_age()};
  for (const auto& [rule, bound] : matches.aged_allows) {
    if (out.max_age && bound >= *out.max_age) {
      out.rules.push_back(rule);
    } else {
      out.aged.emplace_back(rule, bound);
    }
  }
  std::sort(out.rules.begin(), out.rules.end());
  return out;
}

std::optional<Fact> step_up_fact(const Policy& policy, const std::vector<unsigned>& rules, int acr,
                                 const Slice& slice) {
  for (const int level : policy.levels) {
    if (level <= acr) continue;
    const Tally better = tally(policy, rules, {.signed_in = true, .acr = level}, slice);
    if (better.allowed_when_fresh())
      return Fact{.kind = Fact::Kind::step_up, .rules = {}, .max_age = better.greatest_age(), .acr = level};
  }
  return std::nullopt;
}

bool login_might_do(const Policy& policy, const Slice& slice) {
  std::size_t work_left = search_work_max;
  return some_session_allowed(policy, slice, work_left).value_or(true);
}

std::optional<Fact> fact_for(const Policy& policy, const Class& who, const std::vector<unsigned>& rules,
                             const Slice& slice) {
  if (who.signed_in && rules.empty()) return std::nullopt;
  const Tally own = tally(policy, rules, {.signed_in = who.signed_in, .acr = who.acr}, slice);
  if (own.allowed_when_fresh()) return allow_fact(own);
  if (who.signed_in) {
    if (auto better = step_up_fact(policy, rules, who.acr, slice)) return better;
  } else if (login_might_do(policy, slice)) {
    return Fact{.kind = Fact::Kind::login, .rules = {}};
  }
  if (own.denies.empty() && own.aged_denies.empty()) return std::nullopt;
  return Fact{.kind = Fact::Kind::deny, .rules = own.denies, .aged = own.aged_denies};
}

// Positions in set.index of the policies that may say something about `who`, ascending.
std::vector<std::size_t> policies_about(const PolicySet& set, const Class& who) {
  std::vector<char> marked(set.index.size(), who.signed_in ? 0 : 1);
  const auto mark = [&](const std::vector<std::size_t>& positions) {
    for (const std::size_t position : positions) marked[position] = 1;
  };
  mark(set.index_for_all);
  for (const auto* roles : {&who.roles, &who.unknown_roles}) {
    for (const auto& role : *roles) {
      const auto it = set.index_by_role.find(role);
      if (it != set.index_by_role.end()) mark(it->second);
    }
  }
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < marked.size(); ++i)
    if (marked[i] != 0) out.push_back(i);
  return out;
}

}  // namespace

std::optional<Fact> fact(const Policy& policy, const Class& subject_class, const Slice& slice) {
  return fact_for(policy, subject_class, rules_for(policy, subject_class), slice);
}

Answer read_fact(const std::optional<Fact>& known, std::optional<milliseconds> age) {
  if (!known) return {};
  switch (known->kind) {
    case Fact::Kind::login:
      return {.reason = Reason::login_required};
    case Fact::Kind::step_up:
      return {.reason = Reason::acr_required, .acr_needed = known->acr, .age_needed = known->max_age};
    case Fact::Kind::allow:
      if (known->max_age && !(age && *age <= *known->max_age))
        return {.reason = Reason::auth_age_required, .age_needed = known->max_age};
      break;
    case Fact::Kind::deny:
      break;
  }
  const bool allow = known->kind == Fact::Kind::allow;
  Answer out{.reason = allow ? Reason::allowed : Reason::denied_by_rule, .rules = known->rules};
  for (const auto& [rule, bound] : known->aged)
    if ((age && *age <= bound) == allow) out.rules.push_back(rule);
  std::sort(out.rules.begin(), out.rules.end());
  if (!allow && out.rules.empty()) out.reason = Reason::no_rule;
  return out;
}

void for_each_fact(const PolicySet& set, const Class& subject_class, std::chrono::sys_seconds at,
                   const std::function<void(const Policy&, const Slice&, const Fact&)>& each) {
  for (const std::size_t position : policies_about(set, subject_class)) {
    const Policy& policy = *set.index[position];
    const std::vector<unsigned> rules = rules_for(policy, subject_class);
    if (subject_class.signed_in && rules.empty()) continue;
    for (const Slice& slice : slices(policy, at))
      if (const auto known = fact_for(policy, subject_class, rules, slice)) each(policy, slice, *known);
  }
}

}  // namespace durward::policy
