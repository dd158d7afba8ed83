#include "model/check.h"

#include <fmt/format.h>

#include <unordered_map>

#include "base/text.h"
#include "model/codes.h"
#include "model/limits.h"

namespace durward::model {
namespace {

template <class List, class Id>
void check_unique(const List& list, Id id_of, const char* what, Diagnostics& diagnostics) {
  std::unordered_map<std::string_view, const SourceSpan*> seen;
  for (const auto& item : list) {
    const Spanned<std::string>& id = id_of(item);
    const auto [first, fresh] = seen.emplace(id.value, &id.span);
    if (!fresh)
      diagnostics
          .error(code::duplicate_name.id, id.span, fmt::format("{} '{}' is used twice", what, id.value),
                 "ids are unique in their app")
          .related.push_back({*first->second, "first used here"});
  }
}

std::vector<std::string> upstream_names(const App& app) {
  std::vector<std::string> names;
  for (const auto& [name, upstream] : app.upstreams) names.push_back(name);
  return names;
}

// `main`, or the only one, when the route does not say.
void settle_upstream(const App& app, Route& route, bool broken, Diagnostics& diagnostics) {
  if (!route.upstream.value.empty()) {
    if (!app.upstreams.contains(route.upstream.value) && !broken)
      diagnostics.error(code::upstream.id, route.upstream.span,
                        fmt::format("unknown upstream '{}'", route.upstream.value),
                        app.upstreams.empty() ? "declare it in upstreams"
                                              : suggest(route.upstream.value, upstream_names(app)));
    return;
  }
  const bool main = app.upstreams.contains("main");
  if (main || app.upstreams.size() == 1) {
    route.upstream = {main ? "main" : app.upstreams.begin()->first, route.id.span};
  } else if (!broken) {
    diagnostics.error(code::upstream.id, route.id.span,
                      fmt::format("route '{}' does not say its upstream", route.id.value),
                      app.upstreams.empty()
                          ? "declare one in upstreams"
                          : fmt::format("name one, or call one main: {}", join(upstream_names(app), ", ")));
  }
}

void check_app(App& app, bool broken, Diagnostics& diagnostics) {
  check_unique(
      app.routes, [](const Route& r) -> const auto& { return r.id; }, "route id", diagnostics);
  check_unique(
      app.access, [](const AccessRule& r) -> const auto& { return r.id; }, "rule id", diagnostics);
  if (!broken && app.hosts.empty() && !app.routes.empty())
    diagnostics.error(code::idle_app.id, app.name.span,
                      fmt::format("'{}' has routes and no hosts", app.name.value), "name its hosts");
  if (!broken && app.routes.empty() && app.child_paths.empty())
    diagnostics.error(code::idle_app.id, app.name.span,
                      fmt::format("'{}' has neither routes nor apps", app.name.value),
                      "give it routes, apps or both");
  for (Route& route : app.routes) settle_upstream(app, route, broken, diagnostics);
  check_access(app, broken, diagnostics);
}

void check_tree(SharedList<App>& apps, const Soundness& sound, Diagnostics& diagnostics,
                std::size_t& routes) {
  for (std::size_t i = 0; i < apps.size(); ++i) {
    App& app = apps.own(i);
    check_app(app, sound.broken_apps.contains(app.name.value), diagnostics);
    routes += app.routes.size();
    check_tree(app.apps, sound, diagnostics, routes);
  }
}

}  // namespace

void check(Model& model, const Soundness& sound, Diagnostics& diagnostics) {
  std::size_t routes = 0;
  check_tree(model.apps, sound, diagnostics, routes);
  if (routes > routes_max)
    diagnostics.error(code::limit.id, model.gateway.name.span, fmt::format("more than {} routes", routes_max),
                      "split the estate");
  check_gateway(model, diagnostics);
  check_references(model, sound, diagnostics);
  check_upstreams(model, diagnostics);
  check_routes(model, diagnostics);
}

}  // namespace durward::model
