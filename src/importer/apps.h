// Routes of all frontends -> apps: one for each backend, or several where its hosts differ.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "importer/routing.h"
#include "importer/upstreams.h"

namespace durward::importer {

struct RuleDraft {
  std::string id;
  bool allow = true;
  std::set<std::string> roles;            // allow: any of these; deny: whoever holds none; empty: anyone
  std::vector<std::string> routes;        // ids; empty = all
  std::vector<std::string> when, unless;  // networks
  std::set<std::uint32_t> lines;
};

struct AppRoute {
  std::string id;
  RouteDraft route;
};

struct AppDraft {
  std::string name;
  const Section* backend = nullptr;
  std::vector<const HostDraft*> hosts;
  UpstreamDraft upstream;
  std::vector<AppRoute> routes;
  std::vector<RuleDraft> access;
  std::string file() const { return "apps/" + name + ".yaml"; }
  std::set<std::uint32_t> lines() const;  // of everything in it
};

// Which frontend a host belongs to is settled here: the first that has it. `gateway_timeout` is the servers'
// that need no saying. The drafts must outlive the apps.
std::vector<AppDraft> make_apps(Context& context, const Config& config,
                                const std::vector<FrontendDraft>& frontends,
                                const std::string& gateway_timeout, RoleBook& roles);

}  // namespace durward::importer
