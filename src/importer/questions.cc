#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "importer/notes.h"

namespace durward::importer {
namespace {

constexpr std::size_t paths_listed_max = 6;

// "/admin, /admin/{**} of app web" for each app where the role decides.
std::vector<std::string> guarded(const std::vector<AppDraft>& apps, const std::string& role) {
  std::vector<std::string> out;
  for (const AppDraft& app : apps) {
    std::set<std::string> paths;
    for (const AppRoute& route : app.routes)
      for (const auto& set : route.route.decision.roles)
        if (set.contains(role) && !route.route.decision.denied.is_all()) paths.insert(route.route.path);
    if (paths.empty()) continue;
    std::vector<std::string> some(paths.begin(), paths.end());
    const bool more = some.size() > paths_listed_max;
    some.resize(std::min(some.size(), paths_listed_max));
    out.push_back(fmt::format("{}{} of app {}", join(some, ", "), more ? " and more" : "", app.name));
  }
  return out;
}

class Asker {
 public:
  Asker(Context& context, const Standing& standing) : context_(context), standing_(standing) {}

  std::vector<Question> ask() {
    for (const std::string& name : roles_used(standing_.apps)) about_role(standing_.roles.all().at(name));
    for (const Section& section : standing_.config.sections)
      if (section.proxy() && section.http()) about_acls(section, standing_.router.rules_of(section));
    about_hosts();
    std::stable_sort(out_.begin(), out_.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
    return std::move(out_);
  }

 private:
  void add(Question::About about, std::uint32_t line, const std::string& text, const std::string& role) {
    out_.push_back({about, line, shown_where(line) + " " + text, role});
  }

  std::string shown_where(std::uint32_t line) const {
    return fmt::format("{}:{}", shown(context_.input.file->path), line);
  }

  void about_role(const RoleDraft& role) {
    const std::string what = join(guarded(standing_.apps, role.name), "; ");
    if (role.of == RoleDraft::Of::app) return about_users(role);
    const std::uint32_t line = role.lines.empty() ? line_of(role.name) : role.lines.front();
    const bool addresses = role.of == RoleDraft::Of::addresses;
    for (const auto each : role.lines) asked_.insert(each);
    add(addresses ? Question::About::addresses : Question::About::login, line,
        fmt::format("{} guards {}: {} (drafted as role '{}')", role_origin(role), what,
                    addresses ? "which role are the people behind these addresses?"
                              : "which people of your provider are they?",
                    role.name),
        role.name);
  }

  void about_users(const RoleDraft& role) {
    std::vector<std::string> names;
    std::uint32_t line = 0;
    for (const AppDraft& app : standing_.apps)
      for (const RuleDraft& rule : app.access)
        if (rule.roles.contains(role.name)) {
          names.push_back(app.name);
          line = app.backend->line;
        }
    add(Question::About::users, line,
        fmt::format(
            "HAProxy asks nobody who they are before app {}: who may use it? (drafted as role '{}', which "
            "nobody holds; `allow: anyone` makes it public)",
            join(names, ", "), role.name),
        role.name);
  }

  // A role without a line of its own, of an ACL written inside a rule or of HAProxy's.
  std::uint32_t line_of(const std::string& role) const {
    for (const AppDraft& app : standing_.apps)
      for (const RuleDraft& rule : app.access)
        if (rule.roles.contains(role) && !rule.lines.empty()) return *rule.lines.begin();
    return 1;
  }

  // Address-only ACLs that no role of the draft stands for.
  void about_acls(const Section& section, const Rules& rules) {
    for (const auto& [name, acl] : rules.acls) {
      if (!acl->addresses_only() || acl->lines().empty() || asked_.contains(acl->lines().front())) continue;
      const std::uint32_t line = acl->lines().front();
      asked_.insert(line);
      const bool carried = context_.ledger.at(line).has(Note::Kind::carried);
      const auto networks = acl->addresses().networks();
      const std::string what =
          fmt::format("acl {} src {}", shown(name), networks.empty() ? "" : networks.front()) +
          (networks.size() > 1 ? " ..." : "");
      add(Question::About::addresses, line,
          carried
              ? fmt::format(
                    "{} keeps these addresses out, and so does the draft: is there a role that says whom "
                    "you mean?",
                    what)
              : fmt::format(
                    "{} in {} stands for people whom a role should name, and the draft does not carry what "
                    "it decides: which role are they?",
                    what, section.title()),
          "");
    }
  }

  // Once for each name, whatever number of apps has it.
  void about_hosts() {
    std::map<std::string, std::pair<const HostDraft*, std::vector<std::string>>> made_up;
    for (const AppDraft& app : standing_.apps)
      for (const HostDraft* host : app.hosts) {
        if (!host->made_up) continue;
        auto& [draft, apps] = made_up[host->host];
        draft = host;
        apps.push_back(app.name);
      }
    for (const auto& [name, entry] : made_up)
      add(Question::About::host, entry.first->line,
          fmt::format("{}: which hosts are they? (drafted as '{}' of app {})", entry.first->why, name,
                      join(entry.second, ", ")),
          "");
  }

  Context& context_;
  const Standing& standing_;
  std::vector<Question> out_;
  std::set<std::uint32_t> asked_;
};

}  // namespace

std::vector<Question> questions(Context& context, const Standing& standing) {
  return Asker(context, standing).ask();
}

}  // namespace durward::importer
