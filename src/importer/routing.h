// Ordered rules -> routes: for each host, path and method that the configuration tells apart, which backend
// HAProxy sends it to, and whom it refuses on the way.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "importer/evaluate.h"
#include "importer/hosts.h"
#include "importer/roles.h"
#include "importer/rules.h"

namespace durward::importer {

// Bounds on what one frontend may tell apart. Each ends in IMP006.
constexpr std::size_t hosts_max = 2'000;
constexpr std::size_t paths_max = 400;       // of one host
constexpr std::size_t work_max = 4'000'000;  // judgements of a rule, in one configuration

struct Decision {
  std::string backend;                    // "" = none
  Addresses denied;                       // clients that HAProxy refuses, whoever they are
  std::set<std::set<std::string>> roles;  // of each, one is wanted
  std::set<std::uint32_t> lines;          // that made it; not compared
  bool closed() const { return backend.empty() || denied.is_all(); }
  bool same(const Decision& other) const {
    return backend == other.backend && denied == other.denied && roles == other.roles;
  }
};

struct RouteDraft {
  std::string path;                  // as a template
  std::vector<std::string> methods;  // empty = any
  Decision decision;
};

struct HostDraft {
  std::string host;
  bool made_up = false;  // the configuration names no host here, or only a part of one
  std::string why;       // made_up: what people have to say
  std::uint32_t line = 0;
  std::vector<RouteDraft> routes;
};

struct FrontendDraft {
  const Section* section = nullptr;
  std::vector<HostDraft> hosts;
};

class Router {
 public:
  Router(Context& context, const Config& config, RoleBook& roles);
  // Notes in the ledger what cannot be routed by; what can is noted by whoever writes the routes.
  FrontendDraft route(const Section& frontend, bool tls);
  const Rules& rules_of(const Section& section);
  // Whether it made a difference to some request.
  bool used(const Rule& rule) const;
  // Rules that made a difference to nobody, or rest on what a route cannot ask. After all frontends.
  void report_idle();

 private:
  HostDraft route_host(const HostKind& host, const Rules& rules, bool tls);
  std::vector<const Rule*> rules_for(const std::string& host, const Rules& rules, bool tls);
  std::set<std::string> paths_for(const HostKind& host, const std::vector<const Rule*>& rules);
  std::vector<const Rule*> all_rules(const Section& frontend, const Rules& rules);
  Decision decide(const Rules& rules, const Cell& cell);
  void choose(const Rules& rules, const Cell& cell, Decision& decision);
  bool choose_by(const Rule& rule, const Cell& cell, Decision& decision);
  bool all_wanted(const std::vector<AclPtr>& logins, const Decision& decision);
  struct Passed;
  void pass(const Rule& rule, const TermTruth& truth, Passed& passed, Decision& decision);
  void refuse(const std::vector<Rule>& set, const Cell& cell, Decision& decision);
  void use(const Rule& rule, Decision& decision);

  enum class Idle { unreached, unknown, by_address };
  struct Fate {
    bool used = false;
    Idle why = Idle::unreached;
    const Rule* rule = nullptr;
  };

  Context& context_;
  const Config& config_;
  RoleBook& roles_;
  std::map<const Section*, Rules> rules_;
  std::map<std::uint32_t, Fate> fates_;
  std::size_t work_ = 0;
  bool over_ = false;
};

}  // namespace durward::importer
