#include "large_estate.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "sys/file_store.h"

namespace durward::bench {
namespace {

// Not sys::write_file: ten thousand fsyncs would take longer than what is measured.
Status put(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
  out.flush();
  return out ? Status{} : fail("BENCH", "cannot write " + path);
}

std::string team_of(const LargeEstate& estate, unsigned app) {
  return fmt::format("team-{}", app / estate.apps_per_team);
}

std::string app_name(unsigned app) {
  return fmt::format("app-{}", app);
}

std::string root_bundle(const LargeEstate& estate) {
  std::string out = fmt::format(
      "apiVersion: durward/v1\nkind: Gateway\nmetadata: {{name: bench}}\nspec:\n"
      "  listen:\n    - {{bind: [\"127.0.0.1:{}\"], tls: {{certificates: certs}}}}\n"
      "  loginHost: login.bench.test\n  acr: [pwd, otp, webauthn]\n  apps:\n",
      estate.https_port);
  for (unsigned app = 0; app < estate.apps; app += estate.apps_per_team)
    out += fmt::format("    - {{path: {}}}\n", team_of(estate, app));
  out += fmt::format(
      "---\napiVersion: durward/v1\nkind: IdentityProvider\nmetadata: {{name: bench}}\nspec:\n"
      "  issuer: {}\n  client: {{id: durward, secret: bench}}\n  scopes: [openid, email, groups]\n"
      "  claims: {{groups: groups, email: email}}\n  unique: [sub]\n"
      "  acr: {{pwd: pwd, otp: otp, webauthn: webauthn}}\n  session: {{idle: {}, absolute: 10h}}\n",
      estate.issuer, estate.idle);
  out +=
      "---\napiVersion: durward/v1\nkind: Credential\nmetadata: {name: bench}\n"
      "spec: {from: {file: secret}, usedBy: [idp/bench]}\n";
  return out;
}

std::string role_bundle(const LargeEstate& estate) {
  std::string out;
  const auto add = [&](const std::string& name) {
    out += fmt::format(
        "---\napiVersion: durward/v1\nkind: Role\nmetadata: {{name: {0}}}\nspec: {{members: [{{group: "
        "{0}}}]}}\n",
        name);
  };
  for (unsigned i = 0; i < estate.roles; ++i) add(large_role(i));
  add(popular_role);
  add(auditor_role);
  return out;
}

std::string app_bundle(const LargeEstate& estate, unsigned app, const std::string& more_rules) {
  // Of the team's roles; a team has as many kinds of apps as it has roles.
  const unsigned teams = std::max(1U, estate.apps / estate.apps_per_team);
  const unsigned own = std::max(5U, estate.roles / teams), team = app / estate.apps_per_team;
  const auto role = [&](unsigned next) {
    return large_role((team * own + (app + next) % own) % estate.roles);
  };
  const std::string read = role(0), other = role(1), write = role(2), admin = role(3), guest = role(4);
  return fmt::format(
      "apiVersion: durward/v1\nkind: App\nmetadata: {{name: {}, owner: {}, labels: {{data: "
      "internal}}}}\nspec:\n"
      "  hosts: [{}]\n  upstreams:\n    main: {{servers: [\"{}\"]}}\n  routes:\n"
      "    - {{id: list, methods: [GET, POST], path: /v1/items}}\n"
      "    - {{id: item, methods: [GET, PUT, DELETE], path: \"/v1/items/{{id}}\"}}\n"
      "    - {{id: files, methods: [GET], path: \"/v1/items/{{id}}/files/{{**}}\"}}\n"
      "  access:\n"
      "    - {{id: read, allow: {{roles: [{}, {}, {}]}}, methods: [GET]}}\n"
      "    - {{id: write, allow: {{roles: [{}]}}, methods: [POST, PUT], routes: [list, item]}}\n"
      "    - {{id: delete, allow: {{roles: [{}]}}, methods: [DELETE], routes: [item], when: {{acr: otp, "
      "authAge: 15m}}}}\n"
      "    - {{id: office, deny: {{roles: [{}]}}, methods: [POST, PUT, DELETE], routes: [list, item], "
      "unless: "
      "{{source: "
      "[10.0.0.0/8]}}}}\n{}",
      app_name(app), team_of(estate, app), large_host(app), estate.servers, read, other, auditor_role, write,
      admin, guest, more_rules);
}

std::string popular_rule(unsigned minutes) {
  return fmt::format(
      "    - {{id: popular, allow: {{roles: [{}]}}, methods: [GET], routes: [files], when: {{authAge: "
      "{}m}}}}\n",
      popular_role, minutes);
}

std::string app_file(const LargeEstate& estate, unsigned app) {
  return fmt::format("{}/{}/{}.yaml", estate.directory, team_of(estate, app), app_name(app));
}

}  // namespace

std::string large_role(unsigned number) {
  return fmt::format("role-{}", number);
}

std::string large_host(unsigned app) {
  return fmt::format("app-{}.bench.test", app);
}

Status write_large_estate(const LargeEstate& estate) {
  if (auto made = sys::make_directories(estate.directory); !made) return made;
  if (auto done = put(estate.directory + "/gateway.yaml", root_bundle(estate)); !done) return done;
  if (auto done = put(estate.directory + "/roles.yaml", role_bundle(estate)); !done) return done;
  if (auto done = put(estate.directory + "/secret", "bench-secret\n"); !done) return done;
  for (unsigned app = 0; app < estate.apps; ++app) {
    if (app % estate.apps_per_team == 0)
      if (auto made = sys::make_directories(estate.directory + "/" + team_of(estate, app)); !made)
        return made;
    const std::string more = app == 0 ? popular_rule(60) : std::string();
    if (auto done = put(app_file(estate, app), app_bundle(estate, app, more)); !done) return done;
  }
  return {};
}

Status write_changed_app(const LargeEstate& estate, unsigned minutes) {
  return put(app_file(estate, 0), app_bundle(estate, 0, popular_rule(minutes)));
}

}  // namespace durward::bench
