// One app's rules: what they name, and conditions that contradict their effect.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/check.h"
#include "model/codes.h"

namespace durward::model {
namespace {

const Route* find_route(const App& app, std::string_view id) {
  const auto found =
      std::find_if(app.routes.begin(), app.routes.end(), [&](const Route& r) { return r.id.value == id; });
  return found == app.routes.end() ? nullptr : &*found;
}

void check_route_ids(const App& app, const AccessRule& rule, Diagnostics& diagnostics) {
  for (const auto& id : rule.routes) {
    if (find_route(app, id.value) != nullptr) continue;
    std::vector<std::string> ids;
    for (const Route& route : app.routes) ids.push_back(route.id.value);
    diagnostics.error(code::unknown_route.id, id.span, fmt::format("unknown route '{}'", id.value),
                      suggest(id.value, ids));
  }
}

bool takes(const Route& route, const std::string& method) {
  return route.methods.empty() || std::any_of(route.methods.begin(), route.methods.end(),
                                              [&](const auto& m) { return m.value == method; });
}

// HEAD follows GET on a route that does not list it, so a rule's own HEAD matches nothing there.
void check_methods(const App& app, const AccessRule& rule, Diagnostics& diagnostics) {
  for (const auto& method : rule.methods) {
    const bool taken = std::any_of(app.routes.begin(), app.routes.end(), [&](const Route& route) {
      const bool covered =
          rule.routes.empty() || std::any_of(rule.routes.begin(), rule.routes.end(),
                                             [&](const auto& id) { return id.value == route.id.value; });
      return covered && takes(route, method.value);
    });
    if (!taken)
      diagnostics.warning(code::idle_method.id, method.span,
                          fmt::format("no route of rule '{}' takes {}", rule.id.value, method.value),
                          method.value == "HEAD" ? "HEAD is judged as GET unless a route lists it"
                                                 : "remove it, or add it to a route's methods");
  }
}

const SourceSpan* level_or_age(const std::optional<Conditions>& conditions) {
  if (!conditions) return nullptr;
  if (conditions->acr) return &conditions->acr->span;
  return conditions->auth_age ? &conditions->auth_age->span : nullptr;
}

void check_anonymous(const AccessRule& rule, Diagnostics& diagnostics) {
  if (rule.audience.who != Who::anonymous) return;
  for (const auto* conditions : {&rule.when, &rule.unless})
    if (const SourceSpan* span = level_or_age(*conditions))
      diagnostics.error(code::anonymous_condition.id, *span,
                        "`anonymous` has no session: it has no level and no age",
                        "write signedIn or roles, or remove the condition");
}

void check_address_alone(const AccessRule& rule, Diagnostics& diagnostics) {
  const bool anybody = rule.audience.who == Who::anonymous || rule.audience.who == Who::anyone;
  if (rule.effect != Effect::allow || !anybody || level_or_age(rule.when) != nullptr) return;
  for (const auto* conditions : {&rule.when, &rule.unless})
    if (*conditions && (*conditions)->source)
      diagnostics.error(code::address_alone.id, (*conditions)->source->span,
                        fmt::format("rule '{}' allows by address alone", rule.id.value),
                        "ask for signedIn or roles; to keep networks out, write a deny rule");
}

// An age may only ever be "at most": in an allow's `when`, or as what exempts from a deny.
void check_age(const AccessRule& rule, Diagnostics& diagnostics) {
  const bool allow = rule.effect == Effect::allow;
  const auto& wrong = allow ? rule.unless : rule.when;
  if (wrong && wrong->auth_age)
    diagnostics.error(
        code::age_bound.id, wrong->auth_age->span,
        allow ? "this allows only those whose login is older" : "this denies only those who logged in lately",
        allow ? "write it under when" : "write deny with unless: {authAge: …}");
}

}  // namespace

void check_access(const App& app, bool broken, Diagnostics& diagnostics) {
  for (const AccessRule& rule : app.access) {
    if (!broken) {
      check_route_ids(app, rule, diagnostics);
      check_methods(app, rule, diagnostics);
    }
    check_anonymous(rule, diagnostics);
    check_address_alone(rule, diagnostics);
    check_age(rule, diagnostics);
  }
}

}  // namespace durward::model
