#include "importer/notes.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "importer/hosts.h"
#include "importer/reasons.h"

namespace durward::importer {
namespace {

constexpr std::size_t listed_max = 6;

std::string listed(const std::vector<std::string>& all) {
  std::vector<std::string> some(all.begin(),
                                all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), listed_max)));
  const std::string text = join(some, ", ");
  return some.size() == all.size() ? text : fmt::format("{} and {} more", text, all.size() - some.size());
}

// Lines of a section whose conditions name the ACL.
std::vector<std::string> mentions(const Section& section, const std::string& acl) {
  std::set<std::uint32_t> lines;
  for (const Directive& directive : section.own)
    for (std::size_t at = condition_at(directive); at < directive.words.size(); ++at)
      if (directive.word(at) == acl || directive.word(at) == "!" + acl) lines.insert(directive.line);
  std::vector<std::string> out;
  for (const std::uint32_t line : lines) out.push_back(std::to_string(line));
  return out;
}

class Notes {
 public:
  Notes(Context& context, const Standing& standing)
      : context_(context), ledger_(context.ledger), standing_(standing) {}

  void note() {
    for (const AppDraft& app : standing_.apps) app_lines(app);
    gateway_lines();
    for (const Section& section : standing_.config.sections)
      if (section.proxy() && section.http()) rule_lines(standing_.router.rules_of(section));
    standing_.router.report_idle();
    userlists();
    for (const Section& section : standing_.config.sections) rest(section);
    for (const Section& section : standing_.config.sections) heading(section);
  }

 private:
  void app_lines(const AppDraft& app) {
    std::map<std::uint32_t, std::vector<std::string>> routes, rules;
    for (const AppRoute& route : app.routes)
      for (const auto line : route.route.decision.lines) routes[line].push_back(route.id);
    for (const RuleDraft& rule : app.access)
      for (const auto line : rule.lines) rules[line].push_back(rule.id);
    for (const auto& [line, ids] : routes)
      ledger_.carried(line, fmt::format("{}: routes {}", app.file(), listed(ids)));
    for (const auto& [line, ids] : rules)
      if (refusing_.contains(line))
        ledger_.carried(line, fmt::format("{}: access {}", app.file(), listed(ids)));
    for (const ServerDraft& server : app.upstream.servers)
      if (!app.upstream.made_up) ledger_.carried(server.line, app.file() + ": upstreams.main.servers");
    for (const auto line : app.upstream.lines) ledger_.carried(line, app.file() + ": upstreams.main");
    ledger_.carried(app.backend->line, app.file());
    if (app.upstream.made_up) ledger_.lost(app.backend->line, "no server of it could be taken: name one");
  }

  void gateway_lines() {
    if (standing_.apps.empty()) return;
    for (const auto* binds : {&standing_.gateway.tls, &standing_.gateway.plain})
      for (const BindDraft& bind : *binds) ledger_.carried(bind.line, "bundle.yaml: Gateway listen");
    for (const auto& [which, line] : standing_.gateway.timeout_lines)
      ledger_.carried(line, "bundle.yaml: Gateway timeouts." + which);
  }

  void rule_lines(const Rules& rules) {
    for (const auto& set : rules.sets) {
      for (const Rule& rule : set) {
        const std::uint32_t line = rule.directive->line;
        if (rule.act == Rule::Act::upgrade) upgrade(line);
        if (!standing_.router.used(rule)) continue;
        if (rule.act == Rule::Act::answer)
          ledger_.differs(line,
                          "HAProxy answers here itself; a route cannot, so the draft refuses it with 403");
        if (rule.act == Rule::Act::login)
          ledger_.differs(
              line, "the passwords stay behind: people sign in at the provider, and a role lets them in");
        differences(rule);
      }
    }
    for (const Rule& rule : rules.backends)
      if (standing_.router.used(rule)) differences(rule);
  }

  void upgrade(std::uint32_t line) {
    if (standing_.apps.empty()) return;
    if (standing_.gateway.plain.empty())
      ledger_.own(line, "the gateway listens with TLS only");
    else
      ledger_.carried(line, "bundle.yaml: Gateway listen (redirect: https)");
  }

  // What an ACL says beyond the routes that it came to.
  void differences(const Rule& rule) {
    for (const auto& term : rule.condition.terms)
      for (const Literal& literal : term)
        for (const Criterion& criterion : literal.acl->criteria) {
          const std::uint32_t line = criterion.line == 0 ? rule.directive->line : criterion.line;
          const std::string how = path_difference(criterion);
          if (!how.empty() && ledger_.at(line).has(Note::Kind::carried)) ledger_.differs(line, how);
        }
  }

  void userlists() {
    std::map<std::string, std::string> carried;  // list -> role
    const auto used = roles_used(standing_.apps);
    for (const auto& [name, role] : standing_.roles.all())
      if (role.of == RoleDraft::Of::login && used.contains(name)) carried[role.list] = name;
    for (const Section& section : standing_.config.sections) {
      if (section.kind != "userlist") continue;
      for (const auto& [list, role] : carried) {
        if (list != section.name) continue;
        ledger_.carried(section.line, "bundle.yaml: Role " + role);
        for (const Directive& directive : section.own) {
          ledger_.carried(directive.line, "bundle.yaml: Role " + role);
          ledger_.differs(directive.line,
                          "no password is carried: say which people of the provider hold the role");
        }
      }
    }
  }

  void rest(const Section& section) {
    for (const Directive& directive : section.own) {
      if (directive.is("acl") && section.proxy()) acl(section, directive);
      if (directive.is("timeout") && directive.word(1) != "check") timeout(directive);
      if (directive.is("server") || directive.is("server-template") || directive.is("balance"))
        ledger_.otherwise_lost(directive.line, section.http() || !section.proxy()
                                                   ? "no request of the draft comes to this backend"
                                                   : "mode tcp: Durward publishes HTTP only");
      if (directive.is("default-server") && section.http())
        ledger_.own(directive.line, "its options are taken where a server uses them");
      if (directive.is("bind"))
        ledger_.otherwise_lost(directive.line, section.http()
                                                   ? "nothing that the draft publishes is behind it"
                                                   : "mode tcp: Durward publishes HTTP only");
      if (directive.is("use_backend") || directive.is("default_backend"))
        ledger_.otherwise_lost(directive.line, section.http() ? "no request of the draft gets here"
                                                              : "mode tcp: Durward publishes HTTP only");
      give_reason(context_, section, directive);
    }
  }

  void acl(const Section& section, const Directive& directive) {
    if (!ledger_.at(directive.line).notes.empty()) return;
    const auto lines = mentions(section, directive.word(1));
    if (lines.empty())
      ledger_.own(directive.line, "no rule of its section uses it");
    else
      ledger_.lost(directive.line,
                   fmt::format("used in line {}, which is not carried by it: see there", listed(lines)));
  }

  void timeout(const Directive& directive) {
    if (!ledger_.at(directive.line).notes.empty()) return;
    const std::string& which = directive.word(1);
    const bool of_gateway = which == "client" || which == "server" || which == "connect" || which == "tunnel";
    if (of_gateway)
      ledger_.lost(directive.line, "nothing that is carried has this timeout; the gateway's holds");
  }

  void heading(const Section& section) {
    if (!ledger_.at(section.line).notes.empty()) return;
    std::set<std::string> files;
    for (const Directive& directive : section.own)
      for (const Note& note : ledger_.at(directive.line).notes)
        if (note.kind == Note::Kind::carried) files.insert(note.text.substr(0, note.text.find(':')));
    if (!files.empty())
      ledger_.carried(section.line, listed({files.begin(), files.end()}));
    else if (section.kind == "frontend" || section.kind == "backend" || section.kind == "listen")
      ledger_.lost(section.line, section.http() ? "nothing of it is in the draft: see its lines"
                                                : "mode tcp: Durward publishes HTTP only");
    else
      ledger_.own(section.line, "a heading: see its lines");
  }

 public:
  std::set<std::uint32_t> refusing_;  // lines of rules that refuse, and of their ACLs

 private:
  Context& context_;
  Ledger& ledger_;
  const Standing& standing_;
};

std::set<std::uint32_t> refusing_lines(const Standing& standing) {
  std::set<std::uint32_t> out;
  for (const Section& section : standing.config.sections) {
    if (!section.proxy() || !section.http()) continue;
    const Rules& rules = standing.router.rules_of(section);
    for (const auto& set : rules.sets)
      for (const Rule& rule : set) {
        out.insert(rule.directive->line);
        for (const auto line : rule.condition.lines()) out.insert(line);
      }
    for (const Rule& rule : rules.backends)
      for (const auto& term : rule.condition.terms)
        for (const Literal& literal : term)
          if (literal.acl->addresses_only())
            for (const auto line : literal.acl->lines()) out.insert(line);
  }
  return out;
}

}  // namespace

void note_lines(Context& context, const Standing& standing) {
  Notes notes(context, standing);
  notes.refusing_ = refusing_lines(standing);
  notes.note();
}

}  // namespace durward::importer
