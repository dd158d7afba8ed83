// One request has exactly one route: two of equal specificity on one host and method are an error, across
// apps too.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "model/check.h"
#include "model/codes.h"

namespace durward::model {
namespace {

struct Owner {
  const App* app;
  const Route* route;
};

// Templates of equal specificity that can match one path are the same but for their parameters' names.
std::string signature(const std::string& host, const PathTemplate& path) {
  std::string out = host;
  for (const Segment& segment : path.segments) {
    out += '/';
    switch (segment.kind) {
      case Segment::Kind::literal:
        out += segment.text;
        break;
      case Segment::Kind::param:
        out += "{}";
        break;
      case Segment::Kind::rest:
        out += "{**}";
        break;
    }
  }
  return out;
}

// A method both take; "" when every one is.
const std::string* shared_method(const Route& a, const Route& b) {
  static const std::string every;
  if (a.methods.empty() && b.methods.empty()) return &every;
  if (a.methods.empty()) return &b.methods.front().value;
  if (b.methods.empty()) return &a.methods.front().value;
  for (const auto& x : a.methods)
    for (const auto& y : b.methods)
      if (x.value == y.value) return &x.value;
  return nullptr;
}

void report(const Owner& first, const Owner& second, const std::string& host, const std::string& method,
            Diagnostics& diagnostics) {
  const bool same_app = first.app == second.app;
  const std::string owner =
      same_app ? fmt::format("route '{}'", first.route->id.value)
               : fmt::format("route '{}' of app '{}'", first.route->id.value, first.app->name.value);
  diagnostics
      .error(code::duplicate_route.id, second.route->path.span,
             fmt::format("{} {}{} has a route already: {}", method.empty() ? "any method of" : method, host,
                         second.route->path.value.text, owner),
             same_app ? "merge the two, or part their methods"
                      : "one of the apps must give it up, or use another host")
      .related.push_back({first.route->path.span, "the other is here"});
}

}  // namespace

void check_routes(const Model& model, Diagnostics& diagnostics) {
  std::unordered_map<std::string, std::vector<Owner>> taken;
  std::set<std::pair<const Route*, const Route*>> reported;  // two routes may meet on several hosts
  for (const App* app : model.all_apps()) {
    for (const auto& host : app->hosts) {
      for (const Route& route : app->routes) {
        auto& owners = taken[signature(host.value, route.path.value)];
        for (const Owner& owner : owners) {
          const std::string* method = shared_method(*owner.route, route);
          if (method == nullptr || owner.route == &route) continue;
          if (reported.emplace(owner.route, &route).second)
            report(owner, {app, &route}, host.value, *method, diagnostics);
          break;
        }
        owners.push_back({app, &route});
      }
    }
  }
}

}  // namespace durward::model
