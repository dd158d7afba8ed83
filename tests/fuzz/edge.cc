// What HAProxy hands to Durward, and the listener for metrics: any method, target, headers and body, with
// genuine sealed starts, states and cookies put in where an input asks for them. No reply may carry text of
// the request unescaped, set a header of the sender's making, or lead to a foreign site.
#include "api/edge.h"

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "api/control.h"
#include "base/text.h"
#include "fuzz.h"
#include "sys/file_store.h"
#include "testing/certificate.h"
#include "testing/state_directory.h"

namespace durward {
namespace {

using fuzz::require;

constexpr const char* bundle_text = R"(apiVersion: durward/v1
kind: Gateway
metadata: {name: edge}
spec:
  listen: [{bind: ["127.0.0.1:2"], tls: {certificates: certs}}]
  loginHost: login.example
  acr: [pwd, otp]
---
apiVersion: durward/v1
kind: IdentityProvider
metadata: {name: corp}
spec:
  issuer: https://127.0.0.1:1/realm
  client: {id: durward, secret: corp-client}
  acr: {pwd: pwd, otp: otp}
---
apiVersion: durward/v1
kind: IdentityProvider
metadata: {name: partner}
spec:
  issuer: https://127.0.0.1:1/partner
  client: {id: durward, secret: corp-client}
---
apiVersion: durward/v1
kind: Credential
metadata: {name: corp-client}
spec: {from: {file: secret}, usedBy: [idp/corp, idp/partner]}
---
apiVersion: durward/v1
kind: App
metadata: {name: wiki, owner: docs}
spec:
  hosts: [app.example]
  upstreams: {main: {servers: ["127.0.0.1:1"]}}
  routes: [{id: read, path: "/{**}"}]
  access: [{id: readers, allow: signedIn}]
)";

// A daemon whose HAProxy is not there: everything that only reads, and every refusal, works without.
class World {
 public:
  World() {
    const std::string bundle = state_.paths().state + "/bundle";
    require(sys::make_directories(bundle, 0700).has_value());
    require(sys::write_file(bundle + "/bundle.yaml", bundle_text, 0600).has_value());
    require(sys::write_file(bundle + "/secret", "secret", 0600).has_value());
    require(sys::make_directories(bundle + "/certs", 0700).has_value());
    require(testing::write_certificate(bundle + "/certs/login.pem", "login.example").has_value());
    app::DaemonOptions options;
    options.bundle = bundle;
    options.paths = state_.paths();
    options.haproxy = testing::haproxy_binary();
    options.start_haproxy = false;
    auto daemon = app::Daemon::create(std::move(options));
    require(daemon.has_value());
    daemon_ = std::move(*daemon);
    require(daemon_->start().status.has_value());
    edge_ = std::make_unique<api::Edge>(*daemon_);
    make_genuine();
  }

  // {START}, {STATE}, {NONCE} and {LOGIN} stand for what a browser in the middle of a login would hold.
  std::string filled(std::string text) const {
    for (const auto& [name, value] : genuine_)
      for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size()))
        text.replace(at, name.size(), value);
    return text;
  }
  api::Reply edge(const api::Request& request) { return edge_->handle(request); }
  api::Reply observe(const api::Request& request) { return api::observe(*daemon_, request); }

 private:
  void make_genuine() {
    const auto now = daemon_->clock().now_seconds();
    const auto& sealer = daemon_->sessions().sealer();
    const session::Start start{.host = "app.example",
                               .return_url = "https://app.example:2/x",
                               .nonce_hash = session::nonce_hash("nonce"),
                               .need_acr = std::nullopt,
                               .need_age = std::nullopt};
    const session::State state{.provider = "corp",
                               .nonce = "n",
                               .code_verifier = std::string(43, 'v'),
                               .browser_hash = session::nonce_hash("nonce"),
                               .max_age = std::nullopt,
                               .start = start};
    const nlohmann::json claims{{"iss", "https://127.0.0.1:1/realm"}, {"sub", "u"}, {"name", "<fuzz>"}};
    auto login = daemon_->sessions().create_login({.provider = "corp",
                                                   .issuer = "https://127.0.0.1:1/realm",
                                                   .sub = "u",
                                                   .claims = claims.dump(),
                                                   .id_token = "a.b.c",
                                                   .notes = {}},
                                                  *daemon_->estate()->model);
    require(login.has_value());
    genuine_ = {{"{START}", session::seal_start(sealer, start, now).value()},
                {"{STATE}", session::seal_state(sealer, state, now).value()},
                {"{NONCE}", "nonce"},
                {"{LOGIN}", login->token}};
  }

  testing::StateDirectory state_;
  std::unique_ptr<app::Daemon> daemon_;
  std::unique_ptr<api::Edge> edge_;
  std::vector<std::pair<std::string, std::string>> genuine_;
};

// "METHOD TARGET\nname: value\n…\n\nbody", as loosely as that.
api::Request read_request(const std::string& text) {
  api::Request out;
  const auto blank = text.find("\n\n");
  out.body = blank == std::string::npos ? "" : text.substr(blank + 2);
  const auto lines = split(text.substr(0, blank), '\n');
  const auto space = lines.front().find(' ');
  out.method = lines.front().substr(0, space);
  out.target = space == std::string::npos ? "/" : lines.front().substr(space + 1);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto colon = lines[i].find(": ");
    if (colon != std::string::npos)
      out.headers.emplace_back(lower_ascii(lines[i].substr(0, colon)), lines[i].substr(colon + 2));
  }
  out.peer_uid = 0;
  return out;
}

void check_reply(const api::Reply& reply) {
  require(reply.status >= 200 && reply.status <= 599);
  for (const auto& [name, value] : reply.headers) {
    require(fuzz::one_line(name) && fuzz::one_line(value));
    if (name != "location") continue;
    constexpr std::array<std::string_view, 2> own{"https://login.example:2/", "https://app.example:2/"};
    require(
        std::any_of(own.begin(), own.end(), [&](std::string_view site) { return value.starts_with(site); }));
  }
  require(reply.body.find("<fuzz") == std::string::npos && reply.body.find("\"fuzz\"") == std::string::npos);
}

}  // namespace
}  // namespace durward

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static durward::World world;
  const std::string text = world.filled(std::string(durward::fuzz::text_of(data, size)));
  const auto request = durward::read_request(text);
  // Logging out waits for HAProxy, which is not here.
  if (!request.path().ends_with("/logout")) durward::check_reply(world.edge(request));
  durward::check_reply(world.observe(request));
  return 0;
}
