#include "policy/judge.h"

#include <algorithm>

namespace durward::policy {
namespace {

using model::Effect;

// Everything a test asks, but for the login's age.
bool holds(const Test& test, const Policy& policy, const Standing& standing, const Slice& slice) {
  if (test.acr && !(standing.signed_in && standing.acr >= *test.acr)) return false;
  if (test.windows != 0 && (test.windows & slice.windows) == 0) return false;
  return test.source_lists == 0 || (test.source_lists & policy.cell_lists[slice.cell]) != 0;
}

Fit always(bool value) {
  return {value ? Fit::Kind::always : Fit::Kind::never};
}
Fit by_age(std::chrono::seconds bound) {
  return {Fit::Kind::by_age, bound};
}

// Only `when` of an allow and `unless` of a deny may bound the age (POL003). Elsewhere the bound is taken as
// met, which is the safe side.
Fit allow_fit(const Policy::Tests& tests, const Policy& policy, const Standing& standing,
              const Slice& slice) {
  const auto exempt = [&](const Test& test) {
    return holds(test, policy, standing, slice) && !(test.auth_age && !standing.signed_in);
  };
  if (tests.unless && exempt(*tests.unless)) return always(false);
  if (!tests.when) return always(true);
  if (!holds(*tests.when, policy, standing, slice)) return always(false);
  if (!tests.when->auth_age) return always(true);
  return standing.signed_in ? by_age(*tests.when->auth_age) : always(false);
}

Fit deny_fit(const Policy::Tests& tests, const Policy& policy, const Standing& standing, const Slice& slice) {
  if (tests.when) {
    if (!holds(*tests.when, policy, standing, slice)) return always(false);
    if (tests.when->auth_age && !standing.signed_in) return always(false);
  }
  if (!tests.unless || !holds(*tests.unless, policy, standing, slice)) return always(true);
  if (!tests.unless->auth_age) return always(false);
  return standing.signed_in ? by_age(*tests.unless->auth_age) : always(true);
}

bool contains(const std::vector<std::string>& sorted, const std::string& role) {
  return std::binary_search(sorted.begin(), sorted.end(), role);
}

}  // namespace

Fit circumstances(const Policy& policy, std::size_t rule, const Standing& standing, const Slice& slice) {
  const auto& tests = policy.tests[rule];
  return policy.rules[rule].effect == Effect::allow ? allow_fit(tests, policy, standing, slice)
                                                    : deny_fit(tests, policy, standing, slice);
}

bool addresses(const CanonicalRule& rule, const Class& who) {
  switch (rule.who) {
    case model::Who::anyone:
      return true;
    case model::Who::anonymous:
      return !who.signed_in;
    case model::Who::signed_in:
      return who.signed_in;
    case model::Who::roles:
      break;
  }
  // An unknown role helps a deny to match, wherever it stands, and hinders an allow.
  const bool deny = rule.effect == Effect::deny;
  const auto held = [&](const std::string& role) {
    return contains(who.roles, role) || (deny && contains(who.unknown_roles, role));
  };
  const auto missing = [&](const std::string& role) {
    return !contains(who.roles, role) && (deny || !contains(who.unknown_roles, role));
  };
  return (rule.any_of.empty() || std::any_of(rule.any_of.begin(), rule.any_of.end(), held)) &&
         std::all_of(rule.all_of.begin(), rule.all_of.end(), held) &&
         std::all_of(rule.none_of.begin(), rule.none_of.end(), missing);
}

}  // namespace durward::policy
