#include "importer/routing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/mutant.h"
#include "importer/codes.h"
#include "importer/hosts.h"

namespace durward::importer {
namespace {

constexpr std::string_view rest = "{**}";
// Those that a route can list one by one when it may not take any.
constexpr std::array usual_methods{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"};

Cell cell_of(const std::string& host, const std::string& path, bool tls) {
  Cell cell;
  cell.host = host;
  cell.below = path.ends_with(rest);
  cell.path = cell.below ? path.substr(0, path.size() - rest.size()) : path;
  cell.tls = tls;
  return cell;
}

// Whether some request for the host could be meant.
bool concerns(const Rule& rule, const std::string& host, bool tls) {
  Cell cell;
  cell.host = host;
  cell.tls = tls;
  return std::any_of(rule.terms.begin(), rule.terms.end(),
                     [&](const auto& term) { return evaluate(term, cell).possible; });
}

// The methods that rules name for the host; TRACE and CONNECT never reach a route.
std::set<std::string> methods_of(const std::vector<const Rule*>& rules) {
  std::set<std::string> out;
  for (const Rule* rule : rules)
    for (const auto& term : rule->terms)
      for (const Literal& literal : term)
        for (const Criterion& criterion : literal.acl->criteria)
          if (criterion.sample.subject == Subject::method)
            out.insert(criterion.values.begin(), criterion.values.end());
  if (out.empty()) return out;
  out.insert(usual_methods.begin(), usual_methods.end());
  const auto never = [](const std::string& m) {
    return m == "TRACE" || m == "CONNECT" || m.empty() || m.size() > 32 ||
           m.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != std::string::npos || m.front() == '-';
  };
  std::erase_if(out, never);
  return out;
}

// Methods that are judged alike share a route.
std::vector<RouteDraft> by_method(const std::string& path,
                                  const std::vector<std::pair<std::string, Decision>>& all) {
  std::vector<RouteDraft> out;
  for (const auto& [method, decision] : all) {
    const auto like = std::find_if(out.begin(), out.end(), [&, &d = decision](const RouteDraft& route) {
      return route.decision.same(d);
    });
    if (like == out.end()) {
      out.push_back({path, {method}, decision});
    } else {
      like->methods.push_back(method);
      like->decision.lines.insert(decision.lines.begin(), decision.lines.end());
    }
  }
  if (out.size() == 1) out.front().methods.clear();
  return out;
}

// The template that would take its requests if it were not there: the longest "PREFIX/{**}" above it.
bool above(const std::string& wide, const std::string& path) {
  return wide.ends_with(rest) && wide != path &&
         path.starts_with(std::string_view(wide).substr(0, wide.size() - rest.size()));
}

// The routes of one host by path, and of each path the one that would take its requests if it were not there.
class Pruner {
 public:
  explicit Pruner(std::vector<RouteDraft> routes) : routes_(std::move(routes)) {
    for (std::size_t i = 0; i < routes_.size(); ++i) by_path_[routes_[i].path].push_back(i);
    for (const auto& [path, indexes] : by_path_) order_.push_back(path);
    std::stable_sort(order_.begin(), order_.end(),
                     [](const auto& x, const auto& y) { return depth(x) < depth(y); });
  }

  // Leaves out a path that is decided as the wider one, and what HAProxy sends nowhere.
  std::vector<RouteDraft> prune() {
    for (const std::string& path : order_) shut(path);
    std::set<std::size_t> gone;
    for (auto path = order_.rbegin(); path != order_.rend(); ++path) merge(*path, gone);
    std::vector<RouteDraft> out;
    for (std::size_t i = 0; i < routes_.size(); ++i)
      if (!gone.contains(i) && !routes_[i].decision.backend.empty()) out.push_back(std::move(routes_[i]));
    return out;
  }

 private:
  // Wider templates come before those below them.
  static std::size_t depth(const std::string& path) {
    return path.ends_with(rest) ? 2 * (path.size() - rest.size()) : 2 * path.size() + 1;
  }

  const std::vector<std::size_t>* wider(const std::string& path) const {
    for (auto at = order_.rbegin(); at != order_.rend(); ++at)
      if (above(*at, path)) return &by_path_.at(*at);
    return nullptr;
  }

  // What HAProxy sends nowhere, though a wider route would take it, becomes a route that refuses.
  void shut(const std::string& path) {
    const auto* wide = wider(path);
    if (wide == nullptr) return;
    for (const std::size_t i : by_path_[path]) {
      Decision& own = routes_[i].decision;
      const Decision& other = routes_[wide->front()].decision;
      if (!own.backend.empty() || other.backend.empty()) continue;
      own.backend = other.backend;
      own.denied = Addresses::all();
    }
  }

  void merge(const std::string& path, std::set<std::size_t>& gone) {
    const auto* wide = wider(path);
    const auto& own = by_path_[path];
    if (wide == nullptr || own.size() != wide->size()) return;
    for (std::size_t i = 0; i < own.size(); ++i) {
      const RouteDraft &a = routes_[own[i]], &b = routes_[(*wide)[i]];
      if (a.methods != b.methods || !a.decision.same(b.decision)) return;
    }
    for (std::size_t i = 0; i < own.size(); ++i) {
      const auto& lines = routes_[own[i]].decision.lines;
      routes_[(*wide)[i]].decision.lines.insert(lines.begin(), lines.end());
      gone.insert(own[i]);
    }
  }

  std::vector<RouteDraft> routes_;
  std::map<std::string, std::vector<std::size_t>> by_path_;
  std::vector<std::string> order_;
};

}  // namespace

Router::Router(Context& context, const Config& config, RoleBook& roles)
    : context_(context), config_(config), roles_(roles) {}

const Rules& Router::rules_of(const Section& section) {
  const auto found = rules_.find(&section);
  if (found != rules_.end()) return found->second;
  Rules& rules = rules_[&section] = read_rules(context_, config_, section);
  for (const auto& set : rules.sets)
    for (const Rule& rule : set) fates_[rule.directive->line].rule = &rule;
  for (const Rule& rule : rules.backends) fates_[rule.directive->line].rule = &rule;
  return rules;
}

// Those of the frontend and of every backend that it leads to.
std::vector<const Rule*> Router::all_rules(const Section& frontend, const Rules& rules) {
  std::vector<const Rule*> all;
  std::set<const Section*> behind{&frontend};
  const auto collect = [&](const Rules& some) {
    for (const auto& set : some.sets)
      for (const Rule& rule : set) all.push_back(&rule);
  };
  const auto reach = [&](const std::string& backend) {
    const Section* section = config_.backend(backend);
    if (section != nullptr && behind.insert(section).second) collect(rules_of(*section));
  };
  collect(rules);
  for (const Rule& rule : rules.backends) {
    all.push_back(&rule);
    reach(rule.backend);
  }
  reach(rules.fallback);
  return all;
}

FrontendDraft Router::route(const Section& frontend, bool tls) {
  FrontendDraft out;
  out.section = &frontend;
  const Rules& rules = rules_of(frontend);
  auto kinds = host_kinds(context_, frontend, all_rules(frontend, rules));
  if (kinds.size() > hosts_max) {
    context_.warn(code::limit.id, frontend.line, Word{},
                  fmt::format("more than {} hosts in one frontend", hosts_max),
                  "the rest is left out: import them in parts");
    kinds.erase(kinds.begin() + hosts_max - 1, kinds.end() - 1);
  }
  for (const HostKind& kind : kinds) {
    HostDraft host = route_host(kind, rules, tls);
    const bool open = std::any_of(host.routes.begin(), host.routes.end(),
                                  [](const RouteDraft& r) { return !r.decision.closed(); });
    if (open) out.hosts.push_back(std::move(host));
  }
  return out;
}

// Those that may concern requests for the host, and those of the backends that they may lead to.
std::vector<const Rule*> Router::rules_for(const std::string& host, const Rules& rules, bool tls) {
  std::vector<const Rule*> out;
  const auto collect = [&](const Rules& of) {
    for (const auto& set : of.sets)
      for (const Rule& rule : set)
        if (concerns(rule, host, tls)) out.push_back(&rule);
  };
  collect(rules);
  std::set<std::string> backends{rules.fallback};
  for (const Rule& rule : rules.backends) {
    if (!concerns(rule, host, tls)) continue;
    out.push_back(&rule);
    backends.insert(rule.backend);
  }
  for (const std::string& backend : backends) {
    const Section* section = config_.backend(backend);
    if (section == nullptr) continue;
    if (const Rules& of = rules_of(*section); &of != &rules) collect(of);
  }
  return out;
}

std::set<std::string> Router::paths_for(const HostKind& host, const std::vector<const Rule*>& rules) {
  const std::string everything = "/" + std::string(rest);
  std::set<std::string> paths{everything};
  for (const Rule* rule : rules) add_templates(*rule, host.host, paths);
  std::erase_if(paths, [](const std::string& path) { return !usable_template(path); });
  if (paths.size() > paths_max) {
    context_.warn(code::limit.id, host.line, Word{}, fmt::format("more than {} paths of one host", paths_max),
                  "the rest is left out");
    paths.erase(std::next(paths.begin(), paths_max), paths.end());
    paths.insert(everything);
  }
  return paths;
}

HostDraft Router::route_host(const HostKind& host, const Rules& rules, bool tls) {
  HostDraft out{host.host, host.made_up, host.why, host.line, {}};
  const auto some = rules_for(host.host, rules, tls);
  const auto methods = methods_of(some);
  for (const std::string& path : paths_for(host, some)) {
    Cell cell = cell_of(host.host, path, tls);
    if (methods.empty()) {
      out.routes.push_back({path, {}, decide(rules, cell)});
      continue;
    }
    std::vector<std::pair<std::string, Decision>> each;
    for (const std::string& method : methods) {
      cell.method = method;
      each.emplace_back(method, decide(rules, cell));
    }
    for (RouteDraft& route : by_method(path, each)) out.routes.push_back(std::move(route));
  }
  out.routes = Pruner(std::move(out.routes)).prune();
  return out;
}

bool Router::used(const Rule& rule) const {
  const auto found = fates_.find(rule.directive->line);
  return found != fates_.end() && found->second.used;
}

void Router::use(const Rule& rule, Decision& decision) {
  fates_[rule.directive->line].used = true;
  decision.lines.insert(rule.directive->line);
  for (const std::uint32_t line : rule.condition.lines()) decision.lines.insert(line);
}

Decision Router::decide(const Rules& rules, const Cell& cell) {
  Decision decision;
  work_ += 1 + rules.backends.size();
  if (work_ > work_max) {
    if (!over_)
      context_.diagnostics.warning(code::limit.id, context_.span(1), "the rules take too long to follow",
                                   "some hosts are left out: import the file in parts");
    over_ = true;
    return decision;
  }
  for (const auto& set : rules.sets) refuse(set, cell, decision);
  choose(rules, cell, decision);
  const Section* section = config_.backend(decision.backend);
  if (section == nullptr) return decision;
  const Rules& behind = rules_of(*section);
  if (&behind != &rules)
    for (const auto& set : behind.sets) refuse(set, cell, decision);
  return decision;
}

// Those of a set of rules who are let pass before the rest of it is asked.
struct Router::Passed {
  Addresses alive = Addresses::all();  // whom no rule has let pass
  std::set<std::string> roles;         // of those whom one has
  bool by_login = false;               // some by their login, wherever they are
};

void Router::pass(const Rule& rule, const TermTruth& truth, Passed& passed, Decision& decision) {
  if (truth.exempts_login) return;
  use(rule, decision);
  for (const AclPtr& acl : truth.wanted) passed.roles.insert(roles_.of(*acl));
  for (const AclPtr& acl : truth.logins) passed.roles.insert(roles_.of(*acl));
  if (truth.logins.empty())
    passed.alive = passed.alive.intersected(truth.from.complement());
  else
    passed.by_login = true;
}

// Whether whoever is still there has all of these logins, since rules above refuse the others.
bool Router::all_wanted(const std::vector<AclPtr>& logins, const Decision& decision) {
  return std::all_of(logins.begin(), logins.end(),
                     [&](const AclPtr& acl) { return decision.roles.contains({roles_.of(*acl)}); });
}

void Router::refuse(const std::vector<Rule>& set, const Cell& cell, Decision& decision) {
  Passed passed;
  for (const Rule& rule : set) {
    for (const auto& term : rule.terms) {
      const TermTruth truth = evaluate(term, cell);
      if (!truth.possible) continue;
      const bool passes = rule.act == Rule::Act::pass;
      if (!truth.known || (!passes && !all_wanted(truth.logins, decision))) {
        fates_[rule.directive->line].why = Idle::unknown;
        continue;
      }
      if (passes) {
        pass(rule, truth, passed, decision);
        continue;
      }
      if (rule.act == Rule::Act::upgrade && cell.tls) continue;
      const Addresses hit = truth.from.intersected(passed.alive);
      if (hit.empty()) continue;
      use(rule, decision);
      std::set<std::string> spared = passed.roles;
      for (const AclPtr& acl : truth.exempt) spared.insert(roles_.of(*acl));
      // Who may pass by a login may do so from everywhere: the role alone decides.
      if (!truth.exempts_login && !passed.by_login && !mutant("import-forgets-addresses"))
        decision.denied = decision.denied.united(hit);
      if (!spared.empty() && !truth.by_address) decision.roles.insert(spared);
    }
  }
}

void Router::choose(const Rules& rules, const Cell& cell, Decision& decision) {
  for (const Rule& rule : rules.backends)
    if (choose_by(rule, cell, decision) && !mutant("import-ignores-order")) return;
  if (rules.fallback.empty() || config_.backend(rules.fallback) == nullptr) return;
  decision.backend = rules.fallback;
  decision.lines.insert(rules.fallback_line);
}

// A rule that asks for addresses and more guards what it leads to; one that asks for addresses alone chooses
// between backends, which a route cannot do; one that spares addresses keeps the others out.
bool Router::choose_by(const Rule& rule, const Cell& cell, Decision& decision) {
  Fate& fate = fates_[rule.directive->line];
  for (const auto& term : rule.terms) {
    const TermTruth truth = evaluate(term, cell);
    if (!truth.possible) continue;
    std::set<std::string> wanted;
    if (!truth.known || truth.exempts_login || (!truth.logins.empty() && !truth.narrow)) {
      fate.why = Idle::unknown;
      continue;
    }
    if (truth.by_address && !truth.narrow) {
      if (!fate.used) fate.why = Idle::by_address;
      for (const AclPtr& acl : truth.wanted) roles_.of(*acl);
      continue;
    }
    if (!truth.by_address && truth.by_no_address) {
      for (const AclPtr& acl : truth.exempt) wanted.insert(roles_.of(*acl));
      use(rule, decision);
      decision.roles.insert(wanted);
      decision.denied = decision.denied.united(truth.from);
      continue;
    }
    use(rule, decision);
    decision.backend = rule.backend;
    // All of them are wanted at once: a set of its own for each.
    for (const auto* acls : {&truth.wanted, &truth.logins})
      for (const AclPtr& acl : *acls) decision.roles.insert({roles_.of(*acl)});
    decision.denied = decision.denied.united(truth.from.complement());
    return true;
  }
  return false;
}

void Router::report_idle() {
  for (const auto& [line, fate] : fates_) {
    const bool refuses = fate.rule != nullptr && fate.rule->act != Rule::Act::backend;
    const std::string what = fate.rule == nullptr ? "" : not_askable(fate.rule->condition);
    if (fate.why == Idle::by_address) {
      context_.ledger.lost(line,
                           "chooses a backend by the client's address alone, which a route cannot: see the "
                           "question about its ACL");
    } else if (fate.why == Idle::unknown) {
      context_.ledger.lost(
          line,
          fmt::format("rests on {}, which a route cannot ask{}", what.empty() ? "more than an address" : what,
                      refuses ? ": what HAProxy refuses here is not refused by the draft" : ""));
    } else {
      context_.ledger.otherwise_lost(
          line, fate.used ? "no route of the draft rests on it: another frontend has its hosts"
                : refuses ? "refuses no request that the draft takes"
                          : "no request gets here: rules above it take them all");
    }
  }
}

}  // namespace durward::importer
