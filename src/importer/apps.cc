#include "importer/apps.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/limits.h"

namespace durward::importer {
namespace {

constexpr std::string_view rest = "{**}";
constexpr std::size_t id_bytes_max = 48;

// "/v1/refunds/{**}" -> "v1-refunds-below", "/" -> "root", "/{**}" -> "all".
std::string route_id(const std::string& path) {
  if (path == "/" + std::string(rest)) return "all";
  const bool below = path.ends_with(rest);
  std::string id = bundle_name(below ? path.substr(0, path.size() - rest.size()) : path, "root");
  id.resize(std::min(id.size(), id_bytes_max));
  return below ? id + "-below" : id;
}

std::string unique(std::set<std::string>& taken, const std::string& wish) {
  std::string name = wish;
  for (int i = 2; !taken.insert(name).second; ++i) name = fmt::format("{}-{}", wish, i);
  return name;
}

// What makes two hosts of a backend alike.
std::string signature(const std::vector<RouteDraft>& routes) {
  std::string out;
  for (const RouteDraft& route : routes) {
    out += route.path + " " + join(route.methods, ",") + " ";
    for (const auto& set : route.decision.roles) out += join({set.begin(), set.end()}, ",") + ";";
    out += " " + join(route.decision.denied.networks(), ",") + "\n";
  }
  return out;
}

// The rules of one app, made of what its routes want.
class Access {
 public:
  explicit Access(AppDraft& app) : app_(app) {}

  void make(const std::string& users) {
    std::map<std::set<std::set<std::string>>, std::vector<const AppRoute*>> by_roles;
    std::map<Addresses, std::vector<const AppRoute*>> by_denied;
    for (const AppRoute& route : app_.routes) {
      const Decision& decision = route.route.decision;
      if (!decision.denied.empty()) by_denied[decision.denied].push_back(&route);
      if (!decision.denied.is_all()) by_roles[decision.roles].push_back(&route);
    }
    for (const auto& [roles, routes] : by_roles) allow(roles, routes, users);
    for (const auto& [denied, routes] : by_denied) deny(denied, routes);
  }

 private:
  RuleDraft rule(const std::string& id, bool allow, const std::vector<const AppRoute*>& routes) {
    RuleDraft out;
    out.id = unique(taken_, id);
    out.allow = allow;
    for (const AppRoute* route : routes) {
      out.lines.insert(route->route.decision.lines.begin(), route->route.decision.lines.end());
      if (routes.size() != app_.routes.size()) out.routes.push_back(route->id);
    }
    return out;
  }

  void allow(const std::set<std::set<std::string>>& roles, const std::vector<const AppRoute*>& routes,
             const std::string& users) {
    RuleDraft first =
        rule(roles.empty() ? "users" : bundle_name(*roles.begin()->begin(), "users"), true, routes);
    first.roles = roles.empty() ? std::set<std::string>{users} : *roles.begin();
    app_.access.push_back(std::move(first));
    // Each further set of roles must be held too: whoever holds none of it is kept out.
    for (auto at = roles.begin(); at != roles.end(); ++at) {
      if (at == roles.begin()) continue;
      RuleDraft more = rule("only-" + bundle_name(*at->begin(), "users"), false, routes);
      more.roles = *at;
      app_.access.push_back(std::move(more));
    }
  }

  void deny(const Addresses& denied, const std::vector<const AppRoute*>& routes) {
    if (denied.is_all()) {
      app_.access.push_back(rule("closed", false, routes));
      return;
    }
    const auto out = denied.networks(), in = denied.complement().networks();
    if (in.size() <= out.size() && in.size() <= model::sources_per_rule_max) {
      RuleDraft only = rule("addresses", false, routes);
      only.unless = in;
      app_.access.push_back(std::move(only));
      return;
    }
    for (std::size_t at = 0; at < out.size(); at += model::sources_per_rule_max) {
      RuleDraft part = rule("addresses", false, routes);
      const auto end = std::min(at + model::sources_per_rule_max, out.size());
      part.when.assign(out.begin() + static_cast<std::ptrdiff_t>(at),
                       out.begin() + static_cast<std::ptrdiff_t>(end));
      app_.access.push_back(std::move(part));
    }
  }

  AppDraft& app_;
  std::set<std::string> taken_;
};

class Maker {
 public:
  Maker(Context& context, const Config& config, RoleBook& roles)
      : context_(context), config_(config), roles_(roles) {}

  std::vector<AppDraft> make(const std::vector<FrontendDraft>& frontends,
                             const std::string& gateway_timeout) {
    for (const FrontendDraft& frontend : frontends)
      for (const HostDraft& host : frontend.hosts) take(frontend, host);
    std::vector<AppDraft> out;
    for (const std::string& backend : order_) {
      const Section* section = config_.backend(backend);
      const UpstreamDraft upstream = read_upstream(context_, *section, gateway_timeout);
      for (auto& group : groups_[backend])
        for (std::size_t at = 0; at < group.hosts.size(); at += model::hosts_per_app_max)
          out.push_back(app(*section, group, at, upstream));
    }
    return out;
  }

 private:
  struct Group {
    std::vector<const HostDraft*> hosts;
    std::vector<RouteDraft> routes;
    std::string signature;
  };

  void take(const FrontendDraft& frontend, const HostDraft& host) {
    const auto [owner, fresh] = owners_.emplace(host.host, frontend.section);
    if (!fresh) {
      for (const RouteDraft& route : host.routes)
        for (const std::uint32_t line : route.decision.lines)
          context_.ledger.differs(line,
                                  fmt::format("{} has '{}' too, and a host has one set of routes for all "
                                              "listeners: those of {} are drafted",
                                              frontend.section->title(), host.host, owner->second->title()));
      return;
    }
    std::map<std::string, std::vector<RouteDraft>> by_backend;
    for (const RouteDraft& route : host.routes) by_backend[route.decision.backend].push_back(route);
    for (auto& [backend, routes] : by_backend) {
      if (groups_.find(backend) == groups_.end()) order_.push_back(backend);
      auto& groups = groups_[backend];
      std::string sign = signature(routes);
      const auto like =
          std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.signature == sign; });
      if (like == groups.end()) {
        groups.push_back({{&host}, std::move(routes), std::move(sign)});
        continue;
      }
      like->hosts.push_back(&host);
      for (std::size_t i = 0; i < routes.size(); ++i)
        like->routes[i].decision.lines.insert(routes[i].decision.lines.begin(),
                                              routes[i].decision.lines.end());
    }
  }

  AppDraft app(const Section& section, const Group& group, std::size_t at, const UpstreamDraft& upstream) {
    AppDraft out;
    const std::string wish = bundle_name(section.name, "app");
    out.name = unique(names_, wish);
    out.backend = &section;
    out.upstream = upstream;
    const auto end = std::min(at + model::hosts_per_app_max, group.hosts.size());
    out.hosts.assign(group.hosts.begin() + static_cast<std::ptrdiff_t>(at),
                     group.hosts.begin() + static_cast<std::ptrdiff_t>(end));
    std::set<std::string> ids;
    for (const RouteDraft& route : group.routes) {
      std::string id = route_id(route.path);
      if (!route.methods.empty()) id += "-" + bundle_name(route.methods.front(), "x");
      out.routes.push_back({unique(ids, id), route});
    }
    Access(out).make(roles_.of_app(wish));
    return out;
  }

  Context& context_;
  const Config& config_;
  RoleBook& roles_;
  std::map<std::string, const Section*> owners_;
  std::map<std::string, std::vector<Group>> groups_;  // by backend
  std::vector<std::string> order_;                    // of backends, as they are met
  std::set<std::string> names_;
};

}  // namespace

std::set<std::uint32_t> AppDraft::lines() const {
  std::set<std::uint32_t> out = upstream.lines;
  out.insert(backend->line);
  for (const ServerDraft& server : upstream.servers) out.insert(server.line);
  for (const HostDraft* host : hosts) out.insert(host->line);
  for (const AppRoute& route : routes)
    out.insert(route.route.decision.lines.begin(), route.route.decision.lines.end());
  return out;
}

std::vector<AppDraft> make_apps(Context& context, const Config& config,
                                const std::vector<FrontendDraft>& frontends,
                                const std::string& gateway_timeout, RoleBook& roles) {
  return Maker(context, config, roles).make(frontends, gateway_timeout);
}

}  // namespace durward::importer
