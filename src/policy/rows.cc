#include "policy/rows.h"
#include "base/mutant.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace durward::policy {
namespace {

using Positions = std::vector<std::size_t>;

// Rules that apply to one method as it is judged; none = a method that no rule names.
Positions rules_on(const model::App& app, const model::Route& route,
                   const std::optional<std::string>& method) {
  Positions out;
  for (std::size_t i = 0; i < app.access.size(); ++i) {
    const auto& rule = app.access[i];
    if (concerns(rule, route) && (rule.methods.empty() || (method && lists(rule.methods, *method))))
      out.push_back(i);
  }
  return out;
}

bool twin_lists_head(const model::App& app, const model::Route& route) {
  return std::any_of(app.routes.begin(), app.routes.end(), [&](const model::Route& other) {
    return &other != &route && lists(other.methods, "HEAD") && same_shape(other.path.value, route.path.value);
  });
}

// Every method that needs naming: the route's own, or those by which its rules differ.
std::set<std::string> named_methods(const model::App& app, const model::Route& route) {
  std::set<std::string> out;
  for (const auto& method : route.methods) out.insert(method.value);
  if (!route.methods.empty()) return out;
  for (const auto& rule : app.access)
    if (concerns(rule, route))
      for (const auto& method : rule.methods) out.insert(method.value);
  out.erase("HEAD");  // judged as GET
  return out;
}

}  // namespace

bool lists(const std::vector<Spanned<std::string>>& items, std::string_view value) {
  return std::any_of(items.begin(), items.end(), [&](const auto& item) { return item.value == value; });
}

bool concerns(const model::AccessRule& rule, const model::Route& route) {
  return rule.routes.empty() || lists(rule.routes, route.id.value);
}

bool same_shape(const model::PathTemplate& a, const model::PathTemplate& b) {
  using Kind = model::Segment::Kind;
  return std::equal(a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
                    [](const auto& x, const auto& y) {
                      return x.kind == y.kind && (x.kind != Kind::literal || x.text == y.text);
                    });
}

std::vector<MethodRow> method_rows(const model::App& app, const model::Route& route) {
  std::map<Positions, std::vector<std::string>> groups;
  for (const auto& method : named_methods(app, route)) groups[rules_on(app, route, method)].push_back(method);
  if (!mutant("head-not-get") && !lists(route.methods, "HEAD") && !twin_lists_head(app, route)) {
    for (auto& [rules, methods] : groups)
      if (std::count(methods.begin(), methods.end(), "GET") != 0) methods.push_back("HEAD");
  }

  std::vector<MethodRow> out;
  const Positions other = rules_on(app, route, std::nullopt);
  for (auto& [rules, methods] : groups) {
    if (route.methods.empty() && rules == other) continue;
    std::sort(methods.begin(), methods.end());
    out.push_back({methods, rules});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.methods < b.methods; });
  if (route.methods.empty()) out.push_back({{}, other});
  return out;
}

}  // namespace durward::policy
