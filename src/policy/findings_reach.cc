#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "policy/codes.h"
#include "policy/findings.h"
#include "policy/judge.h"
#include "policy/rows.h"

namespace durward::policy {
namespace {

constexpr std::size_t k_zone_windows_max = 10;
constexpr std::size_t k_named_max = 8;

// Every window set that may ever occur, and some that may not: nothing here knows the date.
std::vector<std::uint64_t> conceivable_window_sets(const Policy& policy) {
  if (!policy.week.empty()) return policy.week;
  const std::size_t count = std::min(policy.windows.size(), k_zone_windows_max);
  std::vector<std::uint64_t> out;
  for (std::uint64_t set = 0; set < std::uint64_t{1} << count; ++set) out.push_back(set);
  if (count < policy.windows.size()) out.push_back(~std::uint64_t{0});
  return out;
}

enum class Reach { nobody, somebody, cannot_tell };

bool anonymous_allowed(const Policy& policy, const Slice& slice) {
  const auto known = fact(policy, anonymous_class(), slice);
  return known && known->kind == Fact::Kind::allow;
}

Reach reach(const Policy& policy) {
  Reach out = Reach::nobody;
  std::size_t work_left = search_work_max;
  for (const std::uint64_t windows : conceivable_window_sets(policy)) {
    for (unsigned cell = 0; cell < policy.cells; ++cell) {
      const Slice slice{.windows = windows, .cell = cell};
      const auto session = some_session_allowed(policy, slice, work_left);
      if (!session) return Reach::cannot_tell;
      if (*session || (out == Reach::nobody && anonymous_allowed(policy, slice))) out = Reach::somebody;
    }
  }
  return out;
}

class Reached {
 public:
  Reach of(const Policy& policy) {
    const auto known = known_.find(&policy);
    return known != known_.end() ? known->second : known_.emplace(&policy, reach(policy)).first->second;
  }

 private:
  std::map<const Policy*, Reach> known_;
};

// The rows of one route, first to last.
using Rows = std::pair<std::vector<RoutePolicy>::const_iterator, std::vector<RoutePolicy>::const_iterator>;

void report_route(const Rows& rows, Reached& reached, Diagnostics& diagnostics) {
  const model::Route& route = *rows.first->route;
  std::vector<std::string> unreached;
  bool somebody = false;
  for (auto row = rows.first; row != rows.second; ++row) {
    switch (reached.of(*row->policy)) {
      case Reach::somebody:
        somebody = true;
        break;
      case Reach::nobody:
        unreached.insert(unreached.end(), row->methods.begin(), row->methods.end());
        break;
      case Reach::cannot_tell:
        diagnostics.error(
            code::too_contrived.id, route.id.span,
            fmt::format("the rules of route '{}' contradict each other in too many ways", route.id.value),
            "use fewer deny rules with allOf and noneOf on one route");
        return;
    }
  }
  if (!somebody) {
    diagnostics.warning(code::nobody.id, route.id.span,
                        fmt::format("nobody can reach route '{}'", route.id.value),
                        "add an allow rule that no deny rule covers, or remove the route");
  } else if (!unreached.empty() && !route.methods.empty()) {
    std::sort(unreached.begin(), unreached.end());
    diagnostics.warning(
        code::nobody.id, route.id.span,
        fmt::format("nobody can reach route '{}' with {}", route.id.value, join(unreached, ", ")),
        "add an allow rule for it, or remove the method");
  }
}

// ---- POL106

bool opens(const model::AccessRule& rule) {
  const bool no_session =
      rule.audience.who == model::Who::anyone || rule.audience.who == model::Who::anonymous;
  return rule.effect == model::Effect::allow && no_session && !rule.when && !rule.unless;
}

// The rules by which a row is open to anyone; none when one of them says so by name.
std::vector<const model::AccessRule*> tacit_openers(const RoutePolicy& row) {
  std::vector<const model::AccessRule*> out;
  if (!row.policy->open) return out;
  for (const auto& rule : row.app->access) {
    const auto in_row = [&](const auto& ids) {
      return std::count(ids.begin(), ids.end(), rule.id.value) != 0;
    };
    if (!opens(rule) || std::none_of(row.rule_ids.begin(), row.rule_ids.end(), in_row)) continue;
    if (rule.audience.who == model::Who::anyone && lists(rule.routes, row.route->id.value)) return {};
    out.push_back(&rule);
  }
  return out;
}

void report_open(const std::vector<RoutePolicy>& rows, Diagnostics& diagnostics) {
  std::map<const model::AccessRule*, std::vector<std::string>> opened;
  std::vector<const model::AccessRule*> order;
  for (const RoutePolicy& row : rows) {
    for (const auto* rule : tacit_openers(row)) {
      auto& routes = opened[rule];
      if (routes.empty()) order.push_back(rule);
      if (routes.empty() || routes.back() != row.route->id.value) routes.push_back(row.route->id.value);
    }
  }
  for (const auto* rule : order) {
    std::vector<std::string> routes = opened.at(rule);
    if (routes.size() > k_named_max) {
      routes.resize(k_named_max);
      routes.emplace_back("…");
    }
    diagnostics.warning(
        code::everybody.id, rule->span,
        fmt::format("rule '{}' opens routes to anyone without listing them: {}", rule->id.value,
                    join(routes, ", ")),
        "write allow: anyone with routes: [...], so that a new route is not open by accident");
  }
}

}  // namespace

void report_reach_findings(const PolicySet& set, Diagnostics& diagnostics) {
  Reached reached;
  for (auto row = set.routes.begin(); row != set.routes.end();) {
    const auto end =
        std::find_if(row, set.routes.end(), [&](const auto& other) { return other.route != row->route; });
    report_route({row, end}, reached, diagnostics);
    row = end;
  }
  report_open(set.routes, diagnostics);
}

}  // namespace durward::policy
