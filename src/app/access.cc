#include "app/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/text.h"
#include "policy/route_pairs.h"

namespace durward::app {
namespace {

using Names = std::set<std::string>;

std::vector<std::string> listed(const Names& names) {
  return {names.begin(), names.end()};
}

// ---- roles

std::string member_text(const model::MemberLiteral& member) {
  using Kind = model::MemberLiteral::Kind;
  if (member.kind == Kind::person) return member.value.value;
  return member.kind == Kind::group ? "group " + member.value.value
                                    : fmt::format("claim {} = {}", member.claim, member.value.value);
}

Names members_of(const model::Model& model, const std::string& role) {
  Names out;
  if (const auto found = model.roles.find(role); found != model.roles.end())
    for (const auto& member : found->second.members) out.insert(member_text(member));
  return out;
}

policy::RolePairs exclusions(const model::Model& model) {
  policy::RolePairs out;
  for (const auto& [name, role] : model.roles)
    for (const auto& other : role.excludes) {
      out.emplace(name, other.value);
      out.emplace(other.value, name);
    }
  return out;
}

template <class Set>
Set common(const Set& a, const Set& b) {
  Set out;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(out, out.end()));
  return out;
}

void compare_role(const model::Model& before, const model::Model& after, const std::string& role,
                  std::vector<std::string>& out) {
  const Names was = members_of(before, role), is = members_of(after, role);
  for (const auto& member : is)
    if (!was.contains(member)) out.push_back(fmt::format("{} now has the role {}", member, role));
  for (const auto& member : was)
    if (!is.contains(member)) out.push_back(fmt::format("{} no longer has the role {}", member, role));
}

auto assertions_of(const model::IdentityProvider& provider) {
  return std::tuple(provider.issuer, provider.groups_claim, provider.email_claim, provider.acr,
                    provider.may_assert_roles, provider.email_domains);
}

std::vector<std::string> changed_definitions(const model::Model& before, const model::Model& after) {
  std::vector<std::string> out;
  Names roles;
  for (const auto* model : {&before, &after})
    for (const auto& [name, role] : model->roles) roles.insert(name);
  for (const auto& role : roles) compare_role(before, after, role, out);
  const auto were = exclusions(before), are = exclusions(after);
  for (const auto& pair : are)
    if (!were.contains(pair) && pair.first < pair.second)
      out.push_back(fmt::format("{} and {} now exclude each other", pair.first, pair.second));
  for (const auto& pair : were)
    if (!are.contains(pair) && pair.first < pair.second)
      out.push_back(fmt::format("{} and {} no longer exclude each other", pair.first, pair.second));
  for (const auto& [name, provider] : after.providers) {
    const auto was = before.providers.find(name);
    if (was == before.providers.end())
      out.push_back("people can log in at the provider " + name);
    else if (assertions_of(was->second) != assertions_of(provider))
      out.push_back(fmt::format("what the provider {} says about people is read otherwise", name));
  }
  for (const auto& [name, provider] : before.providers)
    if (!after.providers.contains(name)) out.push_back("nobody can log in any more at the provider " + name);
  return out;
}

// ---- people

struct Judged {
  const LoggedIn* who;
  policy::Class before;
  std::optional<policy::Class> after;
  bool moved;  // another subject than before
};

bool same_standing(const model::Subject& a, const model::Subject& b) {
  return a.roles == b.roles && a.unknown_roles == b.unknown_roles && a.acr == b.acr;
}

class Comparer {
 public:
  Comparer(const policy::PolicySet& before, const policy::PolicySet& after, std::chrono::sys_seconds at)
      : before_(before),
        after_(after),
        at_(at),
        exclusive_(common(exclusions(*before.model), exclusions(*after.model))),
        same_ladder_(before.model->gateway.acr == after.model->gateway.acr) {}

  void add(const LoggedIn& login) {
    Judged judged{&login, classify(before_, login.before), std::nullopt, true};
    if (login.after) {
      judged.after = classify(after_, *login.after);
      judged.moved = !same_standing(login.before, *login.after);
    }
    any_moved_ |= judged.moved;
    people_.push_back(std::move(judged));
  }

  std::optional<AccessChange> compare(const policy::RoutePair& pair) {
    const bool unchanged =
        pair.before && pair.after && pair.before->policy->name == pair.after->policy->name && same_ladder_;
    if (unchanged && !any_moved_) return std::nullopt;
    const auto& comparison = comparison_of(pair);
    AccessChange out;
    out.difference = comparison.difference();
    Names gaining, losing;
    for (const auto& person : people_) {
      if (unchanged && !person.moved) continue;
      const auto change = change_of(comparison, person);
      if (change.gains) gaining.insert(person.who->name);
      if (change.loses) losing.insert(person.who->name);
    }
    if (out.difference.none() && gaining.empty() && losing.empty()) return std::nullopt;
    out.people = {listed(gaining), listed(losing)};
    const auto& row = pair.narrower();
    out.app = row.app->name.value;
    out.route = row.route->id.value;
    out.path = row.route->path.value.text;
    out.at = row.route->span.where();
    out.hosts = pair.hosts;
    out.methods = pair.methods;
    out.opens = std::any_of(out.difference.gained.begin(), out.difference.gained.end(),
                            [](const auto& share) { return share.open(); });
    return out;
  }

 private:
  const policy::Comparison& comparison_of(const policy::RoutePair& pair) {
    const policy::Side before{pair.before ? pair.before->policy.get() : nullptr, &before_.model->gateway};
    const policy::Side after{pair.after ? pair.after->policy.get() : nullptr, &after_.model->gateway};
    const auto key = std::pair(before.policy, after.policy);
    if (const auto known = comparisons_.find(key); known != comparisons_.end()) return known->second;
    return comparisons_.emplace(key, policy::Comparison(before, after, at_, exclusive_)).first->second;
  }

  policy::Comparison::Change change_of(const policy::Comparison& comparison, const Judged& person) {
    const auto key = std::tuple(&comparison, person.before, person.after);
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
    // Where the rules are too many to cut, everybody may be concerned.
    const auto& coarse = comparison.difference();
    const auto change = comparison.change(person.before, person.after)
                            .value_or(policy::Comparison::Change{coarse.may_gain, coarse.may_lose});
    return known_.emplace(key, change).first->second;
  }

  const policy::PolicySet& before_;
  const policy::PolicySet& after_;
  std::chrono::sys_seconds at_;
  policy::RolePairs exclusive_;
  bool same_ladder_, any_moved_ = false;
  std::vector<Judged> people_;
  std::map<std::pair<const policy::Policy*, const policy::Policy*>, policy::Comparison> comparisons_;
  std::map<std::tuple<const policy::Comparison*, policy::Class, std::optional<policy::Class>>,
           policy::Comparison::Change>
      known_;
};

// ---- words

// "POST /v1/refunds on payments", or how many.
std::string what(const std::vector<const AccessChange*>& changes) {
  if (changes.size() != 1) return fmt::format("{} routes", changes.size());
  const auto& change = *changes.front();
  return fmt::format("{} {} on {}", method_words(change.methods), change.path, change.app);
}

struct Verb {
  const char *one, *many;
};

// One half of the summary: who gains (or loses) what.
std::string half(const AccessReport& report, const std::vector<std::string>& people, const Verb& verb,
                 std::vector<std::string> Affected::*names,
                 std::vector<policy::Share> policy::Difference::*shares, bool policy::Difference::*may) {
  std::vector<const AccessChange*> named, possible;
  for (const auto& change : report.changes) {
    if (!(change.people.*names).empty()) named.push_back(&change);
    if (change.difference.*may) possible.push_back(&change);
  }
  if (!people.empty())
    return fmt::format("{} {} {}",
                       people.size() == 1 ? people.front() : fmt::format("{} people", people.size()),
                       people.size() == 1 ? verb.one : verb.many, what(named));
  if (possible.empty()) return fmt::format("nobody {}", verb.one);
  const auto& first = possible.front()->difference.*shares;
  const bool plain = possible.size() == 1 && first.size() == 1;
  // "support, without maker, loses …"
  if (plain && first.front().anonymous)
    return fmt::format("anyone {} {} without a login", verb.one, what(possible));
  const std::string who = plain ? first.front().who : "some people";
  const char* const comma = who.find(',') == std::string::npos ? "" : ",";
  return fmt::format("{}{} {} {}{}", who, comma, plain ? verb.one : verb.many, what(possible),
                     report.logged_in ? " (none of them is logged in now)" : "");
}

}  // namespace

std::string method_words(const std::vector<std::string>& methods) {
  std::vector<std::string> out;
  const bool get = std::binary_search(methods.begin(), methods.end(), "GET");
  for (const auto& method : methods) {
    if (method == "*") return "any method";
    if (!(get && method == "HEAD")) out.push_back(method);
  }
  return join(out, ", ");
}

std::string AccessReport::summary() const {
  using policy::Difference;
  std::string out = half(*this, people.gaining, {"gains", "gain"}, &Affected::gaining, &Difference::gained,
                         &Difference::may_gain) +
                    "; " +
                    half(*this, people.losing, {"loses", "lose"}, &Affected::losing, &Difference::lost,
                         &Difference::may_lose);
  if (!logged_out.empty())
    out += fmt::format("; {} logged out", logged_out.size() == 1
                                              ? logged_out.front() + " is"
                                              : fmt::format("{} people are", logged_out.size()));
  return out;
}

AccessReport compare_access(const policy::PolicySet& before, const policy::PolicySet& after,
                            std::chrono::sys_seconds at, const std::optional<std::vector<LoggedIn>>& people) {
  AccessReport out;
  out.definitions = changed_definitions(*before.model, *after.model);
  Comparer comparer(before, after, at);
  Names everyone, logged_out;
  if (people) {
    for (const auto& login : *people) {
      everyone.insert(login.name);
      if (!login.after) logged_out.insert(login.name);
      comparer.add(login);
    }
    out.logged_in = everyone.size();
  }
  out.logged_out = listed(logged_out);
  auto pairs = policy::pair_routes(before, after);
  out.complete = pairs.complete;
  Names gaining, losing;
  for (const auto& pair : pairs.pairs) {
    auto change = comparer.compare(pair);
    if (!change) continue;
    gaining.insert(change->people.gaining.begin(), change->people.gaining.end());
    losing.insert(change->people.losing.begin(), change->people.losing.end());
    out.changes.push_back(std::move(*change));
  }
  std::stable_sort(out.changes.begin(), out.changes.end(),
                   [](const auto& a, const auto& b) { return a.opens && !b.opens; });
  out.people = {listed(gaining), listed(losing)};
  return out;
}

bool same_people(const model::Model& one, const model::Model& other) {
  const auto files = [](const model::Model& model) {
    std::set<const SourceFile*> out{model.gateway.name.span.file};
    for (const auto& [name, provider] : model.providers) out.insert(provider.span.file);
    for (const auto& [name, role] : model.roles) out.insert(role.span.file);
    return out;
  };
  return files(one) == files(other);
}

}  // namespace durward::app
