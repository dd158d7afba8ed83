#include <date/date.h>
#include <fmt/format.h>

#include <ctime>
#include <set>

#include "app/certificates.h"
#include "cli/client.h"
#include "cli/offline.h"
#include "dataplane/haproxy.h"
#include "identity/provider.h"
#include "model/phrases.h"
#include "store/sqlite_store.h"
#include "sys/clock.h"
#include "sys/file_store.h"
#include "sys/listening.h"

namespace durward::cli {
namespace {

constexpr std::chrono::days soon{14};  // a certificate that ends sooner is worth a warning

struct Check {
  std::string name;
  bool good = false;
  std::string text, hint;
  bool warning = false;  // good, but not for long; or worth a look
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

std::vector<std::string> all_hosts(const model::Model& model) {
  std::set<std::string> out{model.gateway.login_host.value};
  for (const auto* app : model.all_apps())
    for (const auto& host : app->hosts) out.insert(host.value);
  return {out.begin(), out.end()};
}

Check check_certificate(const app::CertificateReport& report, std::chrono::sys_seconds now) {
  const std::string name = "certificate " + report.file;
  if (!report.usable) return {name, false, report.usable.error().message, report.usable.error().hint};
  const auto left = std::chrono::floor<std::chrono::days>(report.ends - now);
  const std::string until = date::format("%F", report.ends);
  if (report.ends <= now) return {name, false, "ended on " + until, "renew it"};
  if (report.begins > now)
    return {name, false, "is good from " + date::format("%FT%TZ", report.begins) + " on",
            "is the clock right?"};
  const std::vector<std::string> hosts(report.covers.begin(), report.covers.end());
  const std::string of = hosts.empty() ? "no host of this bundle" : model::listed(hosts, " and ");
  const bool worth_a_look = left < soon || hosts.empty();
  return {name, true,
          fmt::format("fits its key, ends on {} ({}), for {}", until,
                      counted(static_cast<std::size_t>(left.count()), "day", "days"), of),
          hosts.empty() ? "its names match no host here" : "renew it", worth_a_look};
}

void check_certificates(const model::Model& model, const std::string& bundle, std::vector<Check>& out) {
  const auto hosts = all_hosts(model);
  const auto now = sys::SystemClock().now_seconds();
  std::set<std::string> seen;
  for (const auto& listener : model.gateway.listeners) {
    if (!listener.certificates) continue;
    const std::string directory = app::certificate_directory(listener.certificates->value, bundle);
    if (!seen.insert(directory).second) continue;
    const auto reports = app::inspect_certificates(directory, hosts);
    if (!reports) {
      out.push_back({"certificates in " + directory, false, reports.error().message, reports.error().hint});
      continue;
    }
    std::set<std::string> missing(hosts.begin(), hosts.end());
    for (const auto& report : *reports) {
      out.push_back(check_certificate(report, now));
      if (!out.back().good) continue;
      for (const auto& host : report.covers) missing.erase(host);
    }
    const std::vector<std::string> names(missing.begin(), missing.end());
    out.push_back({"hosts in " + directory, names.empty(),
                   names.empty() ? "each has a certificate" : "none for " + model::listed(names, " and "),
                   "browsers will refuse these hosts: add a certificate with their names"});
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

int show(const Globals& globals, const std::vector<Check>& checks) {
  bool good = true;
  Json json = Json::array();
  for (const auto& check : checks) {
    good = good && check.good;
    const bool hinted = (!check.good || check.warning) && !check.hint.empty();
    Json item = {{"check", check.name}, {"ok", check.good}, {"text", check.text}};
    if (check.warning) item["warning"] = true;
    if (hinted) item["hint"] = check.hint;
    json.push_back(item);
    if (globals.json()) continue;
    print(fmt::format("{}  {}: {}\n",
                      !check.good     ? "FAIL"
                      : check.warning ? "warn"
                                      : "ok  ",
                      check.name, check.text));
    if (hinted) print(fmt::format("      hint: {}\n", check.hint));
  }
  if (globals.json()) print_json(json);
  return good ? Exit::ok : Exit::error;
}

}  // namespace

void add_doctor(Program& program) {
  auto options = std::make_shared<Options>();
  auto* command = program.add(
      "doctor",
      "Look for what would keep a gateway from working: ports, versions, clock, permissions, certificates, "
      "providers");
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
        check_certificates(*compiled.model, options->bundle.bundle, checks);
        check_providers(*compiled.model, options->bundle.bundle, checks);
      }
      return show(program.globals, checks);
    };
  });
}

}  // namespace durward::cli
