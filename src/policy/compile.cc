#include "policy/compile.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/mutant.h"
#include "policy/canonical.h"
#include "policy/cells.h"
#include "policy/codes.h"
#include "policy/findings.h"
#include "policy/rows.h"
#include "policy/update.h"

namespace durward::policy {
namespace {

// Makes policies, each once.
class Policies {
 public:
  explicit Policies(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  PolicyPtr of(std::vector<CanonicalRule> rules, const model::Route& route) {
    const std::string text = canonical_text(rules);
    if (const auto known = by_text_.find(text); known != by_text_.end()) return known->second;
    auto policy = std::make_shared<Policy>();
    policy->name = policy_name(text);
    policy->rules = std::move(rules);
    std::string problem;
    if (!derive(*policy, problem)) {
      diagnostics_.error(code::too_many_pieces.id, route.id.span, problem,
                         "split the route, or its rules, into several");
      return of({}, route);
    }
    const auto [it, added] = by_name_.emplace(policy->name, policy);
    if (!added) {
      diagnostics_.error(code::equal_names.id, route.id.span, "two different policies have the same hash",
                         "change any rule of this route");
    }
    return by_text_.emplace(text, policy).first->second;
  }

  std::map<std::string, PolicyPtr> take() { return std::move(by_name_); }

 private:
  Diagnostics& diagnostics_;
  std::map<std::string, PolicyPtr> by_text_, by_name_;
};

RoutePolicy judged_row(const model::App& app, const model::Route& route, MethodRow row, Policies& policies) {
  std::map<CanonicalRule, std::vector<std::string>> ids;
  for (const std::size_t i : row.rules) {
    if (mutant("drop-deny-rule") && app.access[i].effect == model::Effect::deny) continue;
    ids[canonical(app.access[i])].push_back(app.access[i].id.value);
  }
  RoutePolicy out{
      .app = &app, .route = &route, .methods = std::move(row.methods), .policy = {}, .rule_ids = {}};
  std::vector<CanonicalRule> rules;
  std::vector<std::vector<std::string>> rule_ids;
  for (auto& [rule, names] : ids) {
    std::sort(names.begin(), names.end());
    rules.push_back(rule);
    rule_ids.push_back(names);
  }
  out.rule_ids = std::move(rule_ids);
  out.policy = policies.of(std::move(rules), route);
  return out;
}

void collect_vocabulary(PolicySet& set) {
  std::unordered_set<std::string_view> roles;
  for (const auto& [name, policy] : set.policies) {
    for (const auto& rule : policy->rules)
      for (const auto* some : {&rule.any_of, &rule.all_of, &rule.none_of})
        roles.insert(some->begin(), some->end());
  }
  set.vocabulary = {roles.begin(), roles.end()};
}

std::vector<std::string> methods_of(const std::vector<const model::App*>& apps) {
  std::set<std::string> methods;
  const auto add = [&](const auto& items) {
    for (const auto& item : items) methods.insert(item.value);
  };
  for (const model::App* app : apps) {
    for (const auto& route : app->routes) add(route.methods);
    for (const auto& rule : app->access) add(rule.methods);
  }
  if (methods.contains("GET")) methods.insert("HEAD");
  return {methods.begin(), methods.end()};
}

void index_policies(PolicySet& set) {
  std::unordered_map<std::string_view, std::vector<std::size_t>> by_role;
  for (const auto& [name, policy] : set.policies) {
    const std::size_t position = set.index.size();
    set.index.push_back(policy.get());
    bool for_all = false;
    for (const auto& rule : policy->rules) {
      // Either list must be met by at least one role that is held, or may be.
      const auto& needed = rule.any_of.empty() ? rule.all_of : rule.any_of;
      for (const auto& role : needed) {
        auto& positions = by_role[role];
        if (positions.empty() || positions.back() != position) positions.push_back(position);
      }
      for_all |= needed.empty();
    }
    if (for_all) set.index_for_all.push_back(position);
  }
  for (auto& [role, positions] : by_role) set.index_by_role.emplace(role, std::move(positions));
}

}  // namespace

PolicySetPtr compile(model::ModelPtr model, Diagnostics& diagnostics) {
  const std::size_t errors_before = diagnostics.errors();
  auto set = std::make_shared<PolicySet>();
  set->model = std::move(model);
  Policies policies(diagnostics);
  for (const model::App* app : set->model->all_apps()) {
    for (const model::Route& route : app->routes)
      for (MethodRow& row : method_rows(*app, route))
        set->routes.push_back(judged_row(*app, route, std::move(row), policies));
  }
  set->policies = policies.take();
  collect_vocabulary(*set);
  set->methods = methods_of(set->model->all_apps());
  index_policies(*set);
  // Of a policy that could not be made, findings would be noise.
  if (diagnostics.errors() == errors_before) report_findings(*set, diagnostics);
  return set;
}

namespace {

// The rows of one app: in a set they stand side by side.
using AppRows = std::pair<const RoutePolicy*, const RoutePolicy*>;

AppRows rows_of(const PolicySet& set, const model::App& app, const RoutePolicy* from) {
  const RoutePolicy* const end = set.routes.data() + set.routes.size();
  const RoutePolicy* last = from;
  while (last != end && last->app == &app) ++last;
  return {from, last};
}

}  // namespace

// The policies of `set` by name: those of `before` but for what nobody has any more.
void keep_policies(const PolicySet& before, const std::set<const Policy*>& former, PolicySet& set) {
  std::set<const Policy*> unused = former;
  for (const auto& row : set.routes)
    if (!unused.empty()) unused.erase(row.policy.get());
  set.policies = before.policies;
  for (const Policy* policy : unused) set.policies.erase(policy->name);
}

PolicySetPtr update(const PolicySet& before, model::ModelPtr model, const PolicySet& part) {
  auto set = std::make_shared<PolicySet>();
  set->model = std::move(model);
  set->routes.reserve(before.routes.size() + part.routes.size());
  std::map<std::string_view, AppRows> fresh;
  const RoutePolicy* next = part.routes.data();
  for (const model::App* app : part.model->all_apps()) {
    const AppRows rows = rows_of(part, *app, next);
    fresh.emplace(app->name.value, rows);
    next = rows.second;
  }
  const auto now = set->model->all_apps();
  const auto then = before.model->all_apps();
  next = before.routes.data();
  std::set<const Policy*> former;
  std::vector<const model::App*> left;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const AppRows old = rows_of(before, *then[i], next);
    next = old.second;
    const auto found = fresh.find(now[i]->name.value);
    const AppRows& rows = found == fresh.end() ? old : found->second;
    if (found != fresh.end()) {
      left.push_back(then[i]);
      for (const RoutePolicy* row = old.first; row != old.second; ++row) former.insert(row->policy.get());
    }
    for (const RoutePolicy* row = rows.first; row != rows.second; ++row) {
      RoutePolicy& copy = set->routes.emplace_back(*row);
      copy.route = now[i]->routes.data() + (row->route - row->app->routes.data());
      copy.app = now[i];
      const auto known = before.policies.find(row->policy->name);
      if (found != fresh.end() && known != before.policies.end()) copy.policy = known->second;
    }
  }
  keep_policies(before, former, *set);
  for (const auto& row : part.routes)
    if (const auto known = before.policies.find(row.policy->name); known == before.policies.end())
      set->policies.emplace(row.policy->name, row.policy);
  collect_vocabulary(*set);
  // What only those apps named may be gone.
  const auto were = methods_of(left), are = methods_of(part.model->all_apps());
  const bool same = std::ranges::includes(are, were) && std::ranges::includes(before.methods, are);
  set->methods = same ? before.methods : methods_of(now);
  index_policies(*set);
  return set;
}

const RoutePolicy* row_of(const PolicySet& set, const model::Route& route, std::string_view method) {
  const RoutePolicy* other = nullptr;
  for (const RoutePolicy& row : set.routes) {
    if (row.route != &route) continue;
    if (row.methods.empty()) other = &row;
    if (std::binary_search(row.methods.begin(), row.methods.end(), method)) return &row;
  }
  return other;
}

}  // namespace durward::policy
