#include "importer/write.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "bundle/print.h"
#include "importer/hosts.h"

namespace durward::importer {
namespace {

constexpr std::size_t lines_listed_max = 12;
constexpr std::size_t details_listed_max = 6;

// One value as the bundle's own printer spells it.
std::string word(const std::string& text) {
  constexpr std::string_view key = "x: ";
  bundle::Node mapping = bundle::mapping_node();
  bundle::add(mapping, "x", bundle::scalar_node(text));
  std::string out = bundle::print(mapping).substr(key.size());
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

template <class Texts>
std::string list(const Texts& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + word(text);
  return "[" + out + "]";
}

std::string head(const char* kind, const std::string& name) {
  return fmt::format("apiVersion: durward/v1\nkind: {}\nmetadata: {{name: {}}}\n", kind, word(name));
}

std::string credential_of(const std::string& file) {
  const auto slash = file.rfind('/');
  return "ca-" + bundle_name(file.substr(slash == std::string::npos ? 0 : slash + 1), "upstreams");
}

std::string who(const RuleDraft& rule) {
  if (rule.roles.empty()) return "anyone";
  return rule.allow ? fmt::format("{{roles: {}}}", list(rule.roles))
                    : fmt::format("{{roles: {{noneOf: {}}}}}", list(rule.roles));
}

std::string rule_text(const RuleDraft& rule) {
  std::string out =
      fmt::format("    - {{id: {}, {}: {}", word(rule.id), rule.allow ? "allow" : "deny", who(rule));
  if (!rule.routes.empty()) out += ", routes: " + list(rule.routes);
  if (!rule.when.empty()) out += fmt::format(", when: {{source: {}}}", list(rule.when));
  if (!rule.unless.empty()) out += fmt::format(", unless: {{source: {}}}", list(rule.unless));
  return out + "}\n";
}

std::string upstream_text(const UpstreamDraft& upstream, const std::string& source, std::uint32_t first,
                          std::map<std::uint32_t, std::size_t>& places) {
  std::string out = "  upstreams:\n    main:\n      servers:\n";
  std::uint32_t line = first + 3;
  for (std::size_t i = 0; i < upstream.servers.size(); ++i) {
    const ServerDraft& server = upstream.servers[i];
    const std::string why =
        upstream.made_up ? "no server could be taken: name one" : line_list(source, {server.line});
    out += fmt::format("        - {}  # {}\n", word(server.address), why);
    places[line++] = i;
  }
  if (upstream.tls) {
    std::vector<std::string> keys;
    if (!upstream.ca.empty()) keys.push_back("ca: " + word(credential_of(upstream.ca)));
    if (!upstream.sni.empty()) keys.push_back("sni: " + word(upstream.sni));
    out += fmt::format("      tls: {{{}}}\n", join(keys, ", "));
  }
  if (upstream.h2) out += "      protocol: h2\n";
  if (!upstream.balance.empty()) out += "      balance: " + upstream.balance + "\n";
  if (!upstream.health.empty()) out += fmt::format("      health: {{path: {}}}\n", word(upstream.health));
  return out;
}

std::string count_lines_of(const std::string& text, std::uint32_t& lines) {
  lines = 1 + static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n'));
  return text;
}

std::string role_text(const RoleDraft& role, const std::string& source) {
  std::string question;
  switch (role.of) {
    case RoleDraft::Of::addresses:
      question = "which role are the people behind these addresses?";
      break;
    case RoleDraft::Of::login:
      question = "which people of your provider are they?";
      break;
    case RoleDraft::Of::app:
      question = "who may use it? HAProxy did not ask.";
      break;
  }
  const std::set<std::uint32_t> lines(role.lines.begin(), role.lines.end());
  std::string out = "---\n# " + role_origin(role) +
                    (lines.empty() ? "" : " (" + line_list(source, lines) + ")") + ": " + question +
                    "\n# Until you say so, nobody holds it.\n";
  out += head("Role", role.name);
  return out +
         fmt::format("spec:\n  members:\n    - person: {}\n", word("nobody@" + made_up_host(role.name)));
}

std::string listen_text(const GatewayDraft& gateway, const std::string& source) {
  const auto addresses = [](const std::vector<BindDraft>& binds) {
    std::vector<std::string> out;
    for (const BindDraft& bind : binds) out.push_back(bind.address);
    return list(out);
  };
  const auto lines = [](const std::vector<BindDraft>& binds) {
    std::set<std::uint32_t> out;
    for (const BindDraft& bind : binds)
      if (bind.line != 0) out.insert(bind.line);
    return out;
  };
  std::string out = "  listen:\n";
  out += gateway.made_up ? "    # No listener here speaks TLS, which sessions need.\n"
                         : fmt::format("    # {}\n", line_list(source, lines(gateway.tls)));
  if (!gateway.certificates.empty())
    out += fmt::format(
        "    # PEM files to put there, chain and key in one: {}\n",
        join({gateway.certificates.begin(),
              gateway.certificates.begin() +
                  static_cast<std::ptrdiff_t>(std::min(gateway.certificates.size(), lines_listed_max))},
             ", "));
  out += fmt::format("    - {{bind: {}, tls: {{certificates: certs}}}}\n", addresses(gateway.tls));
  if (gateway.plain.empty()) return out;
  return out + fmt::format("    # {}\n    - {{bind: {}, redirect: https}}\n",
                           line_list(source, lines(gateway.plain)), addresses(gateway.plain));
}

std::string timeouts_text(const GatewayDraft& gateway) {
  std::vector<std::string> keys;
  for (const auto& [name, value] : gateway.timeouts) keys.push_back(name + ": " + value);
  return keys.empty() ? "" : fmt::format("  timeouts: {{{}}}\n", join(keys, ", "));
}

// Authorities of upstreams: file -> apps.
std::string credentials_text(const std::vector<AppDraft>& apps) {
  std::map<std::string, std::pair<std::string, std::vector<std::string>>> all;
  for (const AppDraft& app : apps) {
    if (app.upstream.ca.empty()) continue;
    auto& [file, users] = all[credential_of(app.upstream.ca)];
    file = app.upstream.ca;
    users.push_back("app/" + app.name);
  }
  std::string out;
  for (const auto& [name, entry] : all)
    out += "---\n" + head("Credential", name) +
           fmt::format("spec: {{from: {{file: {}}}, usedBy: {}}}\n", word(shown(entry.first)),
                       list(entry.second));
  return out;
}

}  // namespace

std::string line_list(const std::string& source, const std::set<std::uint32_t>& lines) {
  std::string out;
  std::size_t count = 0;
  for (const std::uint32_t line : lines) {
    if (line == 0) continue;
    if (count++ == lines_listed_max) return out + " ...";
    out += out.empty() ? fmt::format("{}:{}", source, line) : fmt::format(", {}", line);
  }
  return out;
}

std::string role_origin(const RoleDraft& role) {
  std::vector<std::string> details(
      role.details.begin(),
      role.details.begin() + static_cast<std::ptrdiff_t>(std::min(role.details.size(), details_listed_max)));
  if (details.size() < role.details.size()) details.push_back("...");
  switch (role.of) {
    case RoleDraft::Of::addresses:
      return fmt::format("acl {} src {}", role.subject.empty() ? "{}" : shown(role.subject),
                         join(details, " "));
    case RoleDraft::Of::login:
      return shown(role.subject) + (details.empty() ? "" : fmt::format(" (users {})", join(details, ", ")));
    case RoleDraft::Of::app:
      break;
  }
  return "app " + role.subject;
}

std::set<std::string> roles_used(const std::vector<AppDraft>& apps) {
  std::set<std::string> out;
  for (const AppDraft& app : apps)
    for (const RuleDraft& rule : app.access) out.insert(rule.roles.begin(), rule.roles.end());
  return out;
}

std::string login_host(const std::vector<AppDraft>& apps) {
  std::set<std::string> taken;
  std::string first;
  for (const AppDraft& app : apps)
    for (const HostDraft* host : app.hosts) {
      taken.insert(host->host);
      if (!host->made_up && first.empty()) first = host->host;
    }
  if (first.empty()) return made_up_host("login");
  const auto dot = first.find('.');
  const bool deep = dot != std::string::npos && first.find('.', dot + 1) != std::string::npos;
  const std::string domain = deep ? first.substr(dot + 1) : first;
  for (const auto* name : {"login.", "signin.", "durward-login."})
    if (!taken.contains(name + domain) && (name + domain).size() < 200) return name + domain;
  return made_up_host("login");
}

WrittenApp write_app(const AppDraft& app, const std::string& source) {
  WrittenApp out;
  out.file.path = app.file();
  std::string text = fmt::format("# {} of {}. Nobody gets in before the roles it names have members.\n",
                                 app.backend->title(), line_list(source, {app.backend->line}));
  text += head("App", app.name) + "spec:\n  hosts:\n";
  for (const HostDraft* host : app.hosts)
    text += fmt::format("    - {}  # {}{}\n", word(host->host), line_list(source, {host->line}),
                        host->made_up ? ", made up: " + host->why + "; name the real ones" : "");
  std::uint32_t next = 0;
  text = count_lines_of(text, next);
  text += upstream_text(app.upstream, source, next, out.servers) + "  routes:\n";
  for (const AppRoute& route : app.routes) {
    text += fmt::format("    # {}\n    - {{id: {}, path: {}", line_list(source, route.route.decision.lines),
                        word(route.id), word(route.route.path));
    if (!route.route.methods.empty()) text += ", methods: " + list(route.route.methods);
    if (!app.upstream.timeout.empty()) text += ", timeout: " + app.upstream.timeout;
    text += "}\n";
  }
  text += "  access:\n";
  for (const RuleDraft& rule : app.access)
    text += fmt::format("    # {}\n", line_list(source, rule.lines)) + rule_text(rule);
  out.file.text = std::move(text);
  return out;
}

DraftFile write_root(const GatewayDraft& gateway, const std::vector<AppDraft>& apps, const RoleBook& roles,
                     const std::string& source) {
  std::string out = fmt::format(
      "# Drafted by `durward import` from {}. It opens nothing: fill in the provider, the hosts and the "
      "roles.\n",
      source);
  out += head("Gateway", "edge") + "spec:\n" + listen_text(gateway, source);
  out += fmt::format("  loginHost: {}  # yours; no app's\n", word(login_host(apps))) + timeouts_text(gateway);
  if (!apps.empty()) out += "  apps: [{path: apps}]\n";
  out += "---\n# Your OpenID Connect provider, see docs/identity.md.\n" + head("IdentityProvider", "corp") +
         "spec:\n  issuer: https://id.import.invalid\n  client: {id: durward, secret: corp-client}\n---\n" +
         head("Credential", "corp-client") +
         "spec: {from: {file: secrets/corp-client}, usedBy: [idp/corp]}\n";
  out += credentials_text(apps);
  for (const std::string& name : roles_used(apps)) out += role_text(roles.all().at(name), source);
  return {"bundle.yaml", out};
}

}  // namespace durward::importer
