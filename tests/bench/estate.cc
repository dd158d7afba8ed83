#include "estate.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "base/text.h"
#include "model/load.h"
#include "policy/compile.h"
#include "sys/file_store.h"

namespace durward::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto session_life = 10h;
constexpr auto idle_life = 30min;

// Small, fast, and the same everywhere: draws must not depend on the library.
std::uint64_t mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// Of ten routes five are literal, three have a parameter, one has two, one takes any rest.
std::string path_of(unsigned route) {
  const unsigned group = route / 10;
  switch (route % 10) {
    case 5:
    case 6:
    case 7:
      return fmt::format("/v1/things-{}/{{id}}/part-{}", group, route % 10);
    case 8:
      return fmt::format("/v1/orders-{}/{{order}}/lines/{{line}}", group);
    case 9:
      return fmt::format("/files-{}/{{**}}", group);
    default:
      return fmt::format("/v1/group-{}/list-{}", group, route % 10);
  }
}

// A path that the template takes.
void append_concrete(std::string& out, std::string_view path, std::uint64_t& random) {
  while (!path.empty()) {
    const auto open = path.find('{');
    out += path.substr(0, open);
    if (open == std::string_view::npos) return;
    const auto close = path.find('}', open);
    const bool rest = path.substr(open, close + 1 - open) == "{**}";
    fmt::format_to(std::back_inserter(out), "{:x}{}", mix(random) >> 32, rest ? "/logo.png" : "");
    path.remove_prefix(close + 1);
  }
}

std::string own_role(unsigned app, unsigned policy) {
  return fmt::format("app-{}-role-{}", app, policy);
}

}  // namespace

Result<Estate> Estate::make(const EstateShape& shape, const std::string& directory) {
  Estate out(shape);
  out.bundle_ = directory;
  for (unsigned route = 0; route < shape.routes; ++route) {
    out.paths_.push_back(path_of(route));
    out.templated_ += out.paths_.back().find('{') != std::string::npos ? 1 : 0;
  }
  for (unsigned app = 0; app < shape.apps; ++app) out.hosts_.push_back(fmt::format("app-{}.bench.test", app));
  if (auto written = out.write(); !written) return tl::unexpected(written.error());
  if (auto compiled = out.compile(); !compiled) return tl::unexpected(compiled.error());
  return out;
}

Status Estate::write() {
  if (auto done = sys::write_file(bundle_ + "/root.yaml", root_yaml()); !done) return done;
  for (unsigned app = 0; app < shape_.apps; ++app) {
    const std::string directory = fmt::format("{}/apps/{}", bundle_, app);
    if (auto made = sys::make_directories(directory); !made) return made;
    if (auto done = sys::write_file(directory + "/app.yaml", app_yaml(app)); !done) return done;
  }
  return {};
}

std::string Estate::root_yaml() const {
  std::string out = fmt::format(
      "apiVersion: durward/v1\nkind: Gateway\nmetadata: {{name: bench}}\nspec:\n"
      "  listen:\n"
      "    - {{bind: [\"127.0.0.1:{}\"], tls: {{certificates: certs}}}}\n"
      "    - {{bind: [\"127.0.0.1:{}\"], tls: {{certificates: certs}}}}\n"
      "  loginHost: login.bench.test\n  acr: [pwd, otp]\n  apps:\n",
      shape_.http_port, shape_.https_port);
  for (unsigned app = 0; app < shape_.apps; ++app) out += fmt::format("    - {{path: apps/{}}}\n", app);
  out +=
      "---\napiVersion: durward/v1\nkind: IdentityProvider\nmetadata: {name: corp}\nspec:\n"
      "  issuer: https://id.bench.test\n  client: {id: durward, secret: corp-client}\n"
      "  session: {idle: 30m, absolute: 10h}\n"
      "---\napiVersion: durward/v1\nkind: Credential\nmetadata: {name: corp-client}\n"
      "spec: {from: {file: corp-client}, usedBy: [idp/corp]}\n";
  const auto role = [&](const std::string& name) {
    out += fmt::format(
        "---\napiVersion: durward/v1\nkind: Role\nmetadata: {{name: {0}}}\nspec: {{members: [{{group: "
        "{0}}}]}}\n",
        name);
  };
  role("staff");
  role("suspended");
  for (unsigned app = 0; app < shape_.apps; ++app)
    for (unsigned policy = 0; policy < shape_.policies; ++policy) role(own_role(app, policy));
  return out;
}

std::string Estate::app_yaml(unsigned app) const {
  std::string out = fmt::format(
      "apiVersion: durward/v1\nkind: App\nmetadata: {{name: app-{0}, owner: team-{0}}}\nspec:\n"
      "  hosts: [{1}]\n  upstreams:\n    main: {{servers: [\"127.0.0.1:{2}\"]}}\n  routes:\n",
      app, hosts_[app], shape_.upstream_port);
  std::vector<std::string> of_policy(shape_.policies);
  for (unsigned route = 0; route < shape_.routes; ++route) {
    out += fmt::format("    - {{id: r{}, methods: [GET], path: \"{}\"}}\n", route, paths_[route]);
    auto& names = of_policy[route / 10 % shape_.policies];
    names += fmt::format("{}r{}", names.empty() ? "" : ", ", route);
  }
  out += "  access:\n";
  for (unsigned policy = 0; policy < shape_.policies; ++policy) {
    const char* when = policy == 1               ? ", when: {authAge: 10h}"
                       : policy == 2 && app == 0 ? ", when: {weekly: \"Mon-Sun 00:00-24:00 UTC\"}"
                       : policy == 3 && app == 0 ? ", when: {source: [127.0.0.0/8]}"
                                                 : "";
    if (of_policy[policy].empty()) continue;
    out += fmt::format("    - {{id: use-{0}, allow: {{roles: [staff, {1}]}}, routes: [{2}]{3}}}\n", policy,
                       own_role(app, policy), of_policy[policy], when);
    if (policy == 4)
      out += fmt::format("    - {{id: not-{0}, deny: {{roles: [suspended]}}, routes: [{1}]}}\n", policy,
                         of_policy[policy]);
  }
  return out;
}

Status Estate::compile() {
  source_ = std::make_unique<app::DirectorySource>(bundle_);
  Diagnostics diagnostics;
  auto loaded = model::load(*source_, "", diagnostics);
  if (loaded && !diagnostics.has_errors()) {
    // The bundle language has no listener for apps without TLS: the first one's is taken away.
    model::Model changed = *loaded;
    changed.gateway.listeners.front().certificates.reset();
    loaded = std::make_shared<const model::Model>(std::move(changed));
    generation::Platform platform;
    platform.threads = 1;
    platform.sessions_max = shape_.sessions + shape_.sessions / 10;
    auto policies = policy::compile(loaded, diagnostics);
    if (!diagnostics.has_errors()) generation_ = generation::generate(policies, platform, {}, diagnostics);
  }
  if (generation_) return {};
  return fail("BEN030",
              "the estate of the bench does not compile: " + render_text(diagnostics).substr(0, 2'000));
}

std::string Estate::token(std::size_t index) const {
  std::uint64_t state = index + 1;
  std::array<char, 32> bytes;
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    const std::uint64_t part = mix(state);
    std::memcpy(bytes.data() + i, &part, 8);
  }
  return "a" + base64url({bytes.data(), bytes.size()});
}

std::string Estate::user(std::size_t index) const {
  return fmt::format("person-{}", index);
}

session::HostSession Estate::session(std::size_t index, std::chrono::sys_seconds now) const {
  session::HostSession out;
  out.host = hosts_[host_of(index)];
  out.key = session::session_key(out.host, token(index));
  out.table = 'a';
  out.login = fmt::format("{:0>22}", index);
  out.created = now;
  out.absolute_end = now + session_life;
  out.idle = idle_life;
  const auto kind = static_cast<unsigned>(index % shape_.classes);
  out.subject.signed_in = true;
  out.subject.issuer = "https://id.bench.test";
  out.subject.sub = user(index);
  out.subject.email = user(index) + "@bench.test";
  out.subject.name = fmt::format("Person {}", index);
  out.subject.roles = {"staff", own_role(kind % shape_.apps, kind / shape_.apps % shape_.policies)};
  out.subject.acr = 0;
  out.subject.auth_time = now;
  return out;
}

Draw Estate::random(std::uint64_t seed) const {
  struct State {
    std::uint64_t random;
    std::string path, token, user;
  };
  auto state = std::make_shared<State>(State{seed, {}, {}, {}});
  return [this, state] {
    const std::size_t session = mix(state->random) % shape_.sessions;
    state->token = token(session);
    state->user = user(session);
    state->path.clear();
    append_concrete(state->path, paths_[mix(state->random) % paths_.size()], state->random);
    return Ask{hosts_[host_of(session)], state->path, state->token, state->user};
  };
}

Draw Estate::one(std::size_t session, std::size_t route) const {
  std::string path;
  std::uint64_t random = 1;
  append_concrete(path, paths_[route], random);
  return [this, path, token = token(session), user = user(session), session] {
    return Ask{hosts_[host_of(session)], path, token, user};
  };
}

}  // namespace durward::bench
