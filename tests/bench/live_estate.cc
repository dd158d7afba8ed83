#include "live_estate.h"
#include <fmt/format.h>
#include "signed_in.h"
#include "sys/file_store.h"
#include "testing/certificate.h"

namespace durward::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t roles = 50;
constexpr auto idle_life = 30min;
constexpr auto absolute_life = 10h;
constexpr const char* login_host = "login.bench.test";

std::string root_yaml(const LiveEstate& estate) {
  std::string out = fmt::format(
      "apiVersion: durward/v1\nkind: Gateway\nmetadata: {{name: live}}\nspec:\n"
      "  listen:\n    - {{bind: [\"127.0.0.1:{}\"], tls: {{certificates: certs}}}}\n"
      "  loginHost: {}\n  timeouts: {{client: {}s, server: 60s}}\n  apps: [{{path: app}}]\n"
      "---\napiVersion: durward/v1\nkind: IdentityProvider\nmetadata: {{name: corp}}\nspec:\n"
      "  issuer: https://id.bench.test\n  client: {{id: durward, secret: corp-client}}\n"
      "  session: {{idle: 30m, absolute: 10h}}\n"
      "---\napiVersion: durward/v1\nkind: Credential\nmetadata: {{name: corp-client}}\n"
      "spec: {{from: {{file: corp-client}}, usedBy: [idp/corp]}}\n"
      "---\napiVersion: durward/v1\nkind: Role\nmetadata: {{name: staff}}\nspec: {{members: [{{group: "
      "staff}}]}}\n",
      estate.port, login_host, estate.timeouts);
  for (std::size_t i = 0; i < roles; ++i)
    out += fmt::format(
        "---\napiVersion: durward/v1\nkind: Role\nmetadata: {{name: team-{0}}}\n"
        "spec: {{members: [{{group: team-{0}}}]}}\n",
        i);
  return out;
}

std::string app_yaml(const LiveEstate& estate) {
  std::string out = fmt::format(
      "apiVersion: durward/v1\nkind: App\nmetadata: {{name: live, owner: bench}}\nspec:\n"
      "  hosts: [{}]\n  upstreams:\n    main: {{servers: [\"127.0.0.1:{}\"]}}\n  routes:\n"
      "    - {{id: read, methods: [GET], path: \"/v1/items/{{id}}\"}}\n"
      "    - {{id: write, methods: [POST], path: /v1/items}}\n"
      "    - {{id: events, methods: [GET], path: \"/events/{{ticks}}/{{ms}}\"}}\n"
      "    - {{id: socket, methods: [GET], path: /socket}}\n"
      "    - {{id: teams, methods: [GET], path: \"/teams/{{id}}\"}}\n"
      "  access:\n    - {{id: staff, allow: {{roles: [staff]}}, routes: [read, write, events, socket]}}\n",
      live_host, estate.upstream_port);
  for (std::size_t i = 0; i < roles; ++i)
    out += fmt::format("    - {{id: team-{0}, allow: {{roles: [team-{0}]}}, routes: [teams]}}\n", i);
  out += fmt::format("    - {{id: changing, deny: {{roles: [team-{}]}}, routes: [teams]}}\n",
                     estate.rules % roles);
  return out;
}

// Texts of an index, the same in every process, with the shape of random ones.
model::Subject subject(const People& people, std::size_t index, std::chrono::sys_seconds now) {
  model::Subject out;
  out.signed_in = true;
  out.issuer = "https://id.bench.test";
  out.sub = people.email(index).substr(0, people.email(index).find('@'));
  out.name = "Somebody of the bench";
  out.email = people.email(index);
  out.roles = {"staff", fmt::format("team-{}", index % roles)};
  out.auth_time = now;
  return out;
}

void add(const People& people, std::size_t index, std::chrono::sys_seconds now, store::Transaction& out) {
  session::Login login;
  login.id = People::login(index);
  login.provider = "corp";
  login.subject = subject(people, index, now);
  login.claims = fmt::format(
      R"({{"iss":"https://id.bench.test","sub":"{0}","email":"{0}@bench.test","email_verified":true,)"
      R"("name":"{1}","auth_time":{2},"groups":["staff","team-{3}"]}})",
      login.subject.sub, login.subject.name, now.time_since_epoch().count(), index % roles);
  login.created = now;
  login.absolute_end = now + absolute_life;
  login.idle = idle_life;
  login.login_key = session::session_key(login_host, "a" + text_of('c', index, 43));
  put_signed_in(std::move(login), live_host, session::session_key(live_host, People::token(index)), now, out);
}

}  // namespace

Status write_live_bundle(const LiveEstate& estate, const std::string& directory) {
  for (const char* sub : {"/app", "/certs"})
    if (auto made = sys::make_directories(directory + sub); !made) return made;
  if (auto done = sys::write_file(directory + "/corp-client", "not a secret"); !done) return done;
  const std::string certificate = directory + "/certs/app.pem";
  if (!sys::exists(certificate))
    if (auto done = testing::write_certificate(certificate, "*.bench.test"); !done) return done;
  if (auto done = sys::write_file(directory + "/app/app.yaml", app_yaml(estate)); !done) return done;
  return sys::write_file(directory + "/root.yaml", root_yaml(estate));
}

std::string People::token(std::size_t index) {
  return "a" + text_of('t', index, 43);
}

std::string People::login(std::size_t index) {
  return text_of('l', index, 22);
}

std::string People::email(std::size_t index) const {
  return index < crowds * crowd_size ? fmt::format("crowd-{}@bench.test", index / crowd_size)
                                     : fmt::format("person-{}@bench.test", index);
}

Status sign_in(const People& people, const std::string& database) {
  return write_people(database, people.count,
                      [&](std::size_t index, auto now, auto& out) { add(people, index, now, out); });
}

}  // namespace durward::bench
