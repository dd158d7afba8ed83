#include <date/date.h>
#include <fmt/format.h>

#include <ctime>

#include "cli/client.h"
#include "cli/offline.h"
#include "dataplane/haproxy.h"
#include "identity/provider.h"
#include "store/sqlite_store.h"
#include "sys/clock.h"
#include "sys/file_store.h"
#include "sys/listening.h"

namespace durward::cli {
namespace {

struct Check {
  std::string name;
  bool good = false;
  std::string text, hint;
};

struct Options {
  BundleOptions bundle;
  std::string haproxy = "haproxy";
};

void check_haproxy(const Options& options, std::vector<Check>& out) {
  const auto version = dataplane::haproxy_version(options.haproxy);
  if (!version) {
    out.push_back({"haproxy", false, version.error().message, version.error().hint});
    return;
  }
  const bool supported = version->major > 2 || (version->major == 2 && version->minor >= 6);
  out.push_back(
      {"haproxy", supported, "version " + version->text, supported ? "" : "Durward needs 2.6 or newer"});
}

void check_clock(std::vector<Check>& out) {
  // A clock before this program was written breaks every token and every certificate.
  constexpr std::int64_t written = 1'763'000'000;
  const auto now = sys::SystemClock().now_seconds();
  out.push_back({"clock", now.time_since_epoch().count() > written, date::format("%FT%TZ", now),
                 "set the clock; run an NTP client"});
}

void check_state(const Globals& globals, std::vector<Check>& out) {
  if (globals.state.empty()) return;
  const dataplane::Paths paths{globals.state};
  constexpr std::size_t socket_path_max = 107;
  const bool fits = paths.control_socket().size() <= socket_path_max;
  out.push_back(
      {"state directory", fits, globals.state, fits ? "" : "its path is too long for unix sockets"});
  if (!sys::exists(globals.state)) {
    out.push_back({"state writable", true, "it is not there yet; durward up makes it", ""});
    return;
  }
  const std::string probe = globals.state + "/.doctor";
  const auto written = sys::write_file(probe, "x", 0600);
  out.push_back({"state writable", written.has_value(), written ? "yes" : written.error().message,
                 "Durward's user must own it, mode 0700"});
  if (written) (void)sys::remove_all(probe);
}

void check_ports(const Globals& globals, const model::Model& model, std::vector<Check>& out) {
  const bool running = !globals.state.empty() && ask(globals, "GET", "/v1/status").has_value();
  for (const auto& listener : model.gateway.listeners)
    for (const auto& bind : listener.bind) {
      const auto free = sys::can_listen(bind.value.address, bind.value.port);
      const bool v6 = bind.value.address.find(':') != std::string::npos;
      const std::string name =
          fmt::format(fmt::runtime(v6 ? "port [{}]:{}" : "port {}:{}"), bind.value.address, bind.value.port);
      if (running)
        out.push_back({name, true, "in use by this gateway", ""});
      else
        out.push_back({name, free.has_value(), free ? "free" : free.error().message,
                       "end what listens there, or change listen"});
    }
}

void check_providers(const model::Model& model, const std::string& bundle, std::vector<Check>& out) {
  const sys::SystemClock clock;
  for (const auto& [name, settings] : model.providers) {
    std::string ca;
    if (settings.ca) {
      const auto pem = app::read_credential(model.credentials.at(settings.ca->value), bundle);
      if (pem) ca = std::string(pem->reveal()) + "\n";
    }
    auto secret = app::read_credential(model.credentials.at(settings.client_secret.value), bundle);
    out.push_back({"client secret of " + name, secret.has_value(),
                   secret ? "readable" : secret.error().message, secret ? "" : secret.error().hint});
    identity::CurlHttpClient client({.ca_pem = ca});
    identity::Provider provider({settings, secret ? std::move(*secret) : Secret(), client, clock});
    const auto url = provider.authorization_url(
        {.redirect_uri = "https://" + model.gateway.login_host.value + "/callback/" + name,
         .state = "doctor",
         .nonce = "doctor",
         .code_verifier = std::string(43, 'd'),
         .acr_values = {},
         .max_age = {},
         .prompt_login = false,
         .login_hint = ""});
    out.push_back({"provider " + name, url.has_value(),
                   url ? settings.issuer.value + " answers" : url.error().message,
                   url ? "" : url.error().hint});
  }
}

}  // namespace

void add_doctor(Program& program) {
  auto options = std::make_shared<Options>();
  auto* command = program.add(
      "doctor",
      "Look for what would keep a gateway from working: ports, versions, clock, permissions, providers");
  add_bundle_options(*command, options->bundle);
  command->add_option("--state", program.globals.state, "state directory");
  command->add_option("--haproxy", options->haproxy, "HAProxy binary")
      ->envname("DURWARD_HAPROXY")
      ->capture_default_str();
  command->callback([&program, options] {
    program.chosen = [&program, options]() -> int {
      std::vector<Check> checks;
      check_haproxy(*options, checks);
      check_clock(checks);
      check_state(program.globals, checks);
      const auto compiled = compile_and_show(program.globals, options->bundle);
      checks.push_back({"bundle", compiled.usable(), compiled.usable() ? "valid" : "has errors",
                        "durward validate says where"});
      if (compiled.usable()) {
        check_ports(program.globals, *compiled.model, checks);
        check_providers(*compiled.model, options->bundle.bundle, checks);
      }
      bool good = true;
      Json json = Json::array();
      for (const auto& check : checks) {
        good = good && check.good;
        Json item = {{"check", check.name}, {"ok", check.good}, {"text", check.text}};
        if (!check.good && !check.hint.empty()) item["hint"] = check.hint;
        json.push_back(item);
        if (program.globals.json()) continue;
        print(fmt::format("{}  {}: {}\n", check.good ? "ok  " : "FAIL", check.name, check.text));
        if (!check.good && !check.hint.empty()) print(fmt::format("      hint: {}\n", check.hint));
      }
      if (program.globals.json()) print_json(json);
      return good ? Exit::ok : Exit::error;
    };
  });
}

}  // namespace durward::cli
