#include "api/control.h"

#include <fmt/format.h>

#include "base/mutant.h"
#include "base/text.h"
#include "sys/environment.h"

namespace durward::api {
namespace {

using Json = nlohmann::ordered_json;

Reply json_reply(int status, const Json& body) {
  return {status,
          {{"content-type", "application/json"}},
          body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

Reply problem(int status, const Error& error) {
  return json_reply(status, {{"error", to_json(error)}});
}

std::string text(std::chrono::sys_seconds at) {
  const auto days = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss time(at - days);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", int(date.year()), unsigned(date.month()),
                     unsigned(date.day()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

std::string string_of(const Json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Json login_json(const session::Login& login) {
  Json out = {{"id", login.id},
              {"kind", login.kind == session::Kind::bearer ? "bearer" : "browser"},
              {"provider", login.provider},
              {"issuer", login.subject.issuer},
              {"subject", login.subject.sub}};
  if (login.subject.email) out["email"] = *login.subject.email;
  if (!login.subject.name.empty()) out["name"] = login.subject.name;
  if (!login.label.empty()) out["label"] = login.label;
  out["roles"] = login.subject.roles;
  if (!login.subject.unknown_roles.empty()) out["unknown_roles"] = login.subject.unknown_roles;
  out["acr"] = login.subject.acr;
  out["created"] = text(login.created);
  out["ends"] = text(login.absolute_end);
  return out;
}

Json shares_json(const std::vector<policy::Share>& shares) {
  Json out = Json::array();
  for (const auto& share : shares)
    out.push_back({{"who", share.who}, {"when", share.when}, {"open", share.open()}});
  return out;
}

}  // namespace

Json to_json(const Error& error) {
  Json out = {{"code", error.code}, {"message", error.message}};
  if (!error.hint.empty()) out["hint"] = error.hint;
  return out;
}

Json to_json(const Diagnostics& diagnostics) {
  Json out = Json::array();
  for (const auto& d : diagnostics.all()) {
    Json item = {{"severity", d.severity == Severity::error ? "error" : "warning"},
                 {"code", d.code},
                 {"message", d.message}};
    if (d.span.known()) {
      item["file"] = d.span.file->path;
      item["line"] = d.span.line;
      item["column"] = d.span.column;
      item["length"] = d.span.length;
    }
    if (!d.hint.empty()) item["hint"] = d.hint;
    for (const auto& related : d.related)
      item["related"].push_back({{"at", related.span.where()}, {"message", related.message}});
    out.push_back(item);
  }
  return out;
}

Json to_json(const dataplane::Plan& plan) {
  const char* kind = plan.kind == dataplane::Plan::Kind::nothing ? "nothing"
                     : plan.kind == dataplane::Plan::Kind::maps  ? "maps"
                                                                 : "reload";
  Json out = {{"change", kind}, {"reload", plan.kind == dataplane::Plan::Kind::reload}};
  if (!plan.reason.empty()) out["reason"] = plan.reason;
  out["maps"] = Json::array();
  for (const auto& map : plan.maps)
    out["maps"].push_back(
        {{"map", map.map}, {"added", map.added}, {"changed", map.changed}, {"removed", map.removed}});
  out["config"] = plan.config;
  return out;
}

Json to_json(const app::AccessReport& access) {
  Json out = {{"summary", access.summary()}, {"complete", access.complete}};
  const auto named = [](const app::Affected& people) {
    return Json{{"gain", people.gaining}, {"lose", people.losing}};
  };
  if (access.logged_in) {
    out["people"] = named(access.people);
    out["people"]["logged_in"] = *access.logged_in;
    out["people"]["logged_out"] = access.logged_out;
  }
  out["definitions"] = access.definitions;
  out["routes"] = Json::array();
  for (const auto& change : access.changes) {
    Json item = {{"app", change.app},
                 {"route", change.route},
                 {"at", change.at},
                 {"hosts", change.hosts},
                 {"methods", change.methods},
                 {"path", change.path},
                 {"opens", change.opens},
                 {"exact", change.difference.exact},
                 {"gain", shares_json(change.difference.gained)},
                 {"lose", shares_json(change.difference.lost)}};
    if (!change.difference.exact) {
      item["may_gain"] = change.difference.may_gain;
      item["may_lose"] = change.difference.may_lose;
    }
    if (access.logged_in) item["people"] = named(change.people);
    out["routes"].push_back(std::move(item));
  }
  return out;
}

Reply Control::handle(const Request& request) {
  if (!request.peer_uid || (*request.peer_uid != 0 && *request.peer_uid != sys::effective_user()))
    return problem(403, {"API020", "this socket serves root and the user Durward runs as", ""});
  const bool from_a_page = !request.header("origin").empty() || request.header("host") != "durward";
  if (from_a_page && !mutant("control-origin-unchecked"))
    return problem(403, {"API021", "this is not a request of the durward command", ""});
  const std::string path = request.path();
  if (request.method == "GET" && path == "/v1/status") return status();
  if (request.method == "GET" && path == "/v1/sessions") return sessions();
  const Json body = Json::parse(request.body.empty() ? "{}" : request.body, nullptr, false);
  if (!body.is_object()) return problem(400, {"API022", "the body is not a JSON object", ""});
  if (request.method == "POST" && path == "/v1/revoke") return revoke(body);
  if (request.method == "POST" && path == "/v1/token") return create_token(body);
  if (request.method == "POST" && path == "/v1/plan") return plan(body);
  if (request.method == "POST" && path == "/v1/apply") return apply(body);
  return problem(404,
                 {"API023", "unknown request: " + path, "are the command and the daemon of one version?"});
}

Reply Control::status() {
  const auto plane = daemon_.dataplane_status();
  const auto estate = daemon_.estate();
  const auto now = daemon_.clock().now_seconds();
  Json out = {{"ready", daemon_.ready()},
              {"generation", plane.generation},
              {"in_sync", plane.in_sync},
              {"problem", plane.problem},
              {"bundle", estate ? estate->bundle : daemon_.options().bundle},
              {"environment", estate ? estate->model->environment : ""},
              {"haproxy",
               {{"version", daemon_.haproxy_version()},
                {"worker", plane.worker},
                {"old_workers", plane.old_workers},
                {"reloads", plane.reloads},
                {"resyncs", plane.resyncs}}},
              {"lease", {{"seconds_left", (plane.lease_end - now).count()}}},
              {"sessions", plane.sessions},
              {"classes", plane.classes},
              {"verdicts", plane.verdicts}};
  if (estate) {
    out["lease"]["seconds"] = estate->model->gateway.lease.count();
    out["policies"] = estate->generation->policies->policies.size();
    for (const auto* app : estate->model->all_apps())
      out["apps"].push_back(
          {{"name", app->name.value}, {"owner", app->owner}, {"routes", app->routes.size()}});
  }
  return json_reply(200, out);
}

Reply Control::sessions() {
  auto logins = daemon_.sessions().list();
  if (!logins) return problem(500, logins.error());
  Json out = Json::array();
  for (const auto& login : *logins) {
    Json item = login_json(login);
    item["last_seen"] = text(daemon_.sessions().last_seen(login));
    item["hosts"] = Json::array();
    for (const auto& [host, key] : login.sessions) item["hosts"].push_back(host);
    out.push_back(item);
  }
  return json_reply(200, out);
}

Reply Control::revoke(const Json& body) {
  session::RevokeWhom whom;
  if (const auto person = string_of(body, "person"); !person.empty())
    whom = session::ByPerson{lower_ascii(person)};
  else if (const auto id = string_of(body, "session"); !id.empty())
    whom = session::ByLogin{id};
  else if (body.value("all", false))
    whom = session::Everyone{};
  else
    return problem(400, {"API024", "revoke whom?", "--person E-MAIL, --session ID or --all"});
  auto ended = daemon_.revoke(whom);
  if (!ended) return problem(500, ended.error());
  Json out = {{"logins", Json::array()}, {"sessions", ended->sessions.size()}};
  for (const auto& login : ended->logins) out["logins"].push_back(login_json(login));
  return json_reply(200, out);
}

Reply Control::create_token(const Json& body) {
  const auto estate = daemon_.estate();
  if (!estate) return problem(503, {"API025", "no bundle is in force yet", ""});
  session::BearerRequest request;
  request.login = string_of(body, "session");
  request.person = lower_ascii(string_of(body, "person"));
  request.host = lower_ascii(string_of(body, "host"));
  request.name = string_of(body, "name");
  request.ttl = std::chrono::seconds(body.value("seconds", std::int64_t{0}));
  // A bearer has no idle life; its row lives in the table that forgets last.
  request.table = static_cast<char>('a' + estate->generation->login_tables.size() - 1);
  std::vector<std::string> hosts;
  for (const auto* app : estate->model->all_apps())
    for (const auto& host : app->hosts) hosts.push_back(host.value);
  if (std::find(hosts.begin(), hosts.end(), request.host) == hosts.end())
    return problem(400,
                   {"API026", "no app serves the host '" + request.host + "'", suggest(request.host, hosts)});
  auto issued = daemon_.create_bearer(request);
  if (!issued) return problem(400, issued.error());
  return json_reply(200, {{"token", "dwt_" + issued->token},
                          {"host", issued->session.host},
                          {"id", issued->session.login},
                          {"expires", text(issued->session.absolute_end)}});
}

Reply Control::applied(const app::ApplyResult& result, bool changed) {
  Json out = {{"diagnostics", to_json(result.compiled.diagnostics)}};
  if (!result.compiled.usable()) {
    out["text"] = render_text(result.compiled.diagnostics);
    out["error"] = to_json(Error{"APP010", "the bundle has errors; what was in force stays in force", ""});
    return json_reply(422, out);
  }
  out["generation"] = result.compiled.generation->name;
  out["plan"] = to_json(result.plan);
  if (result.access) out["access"] = to_json(*result.access);
  out["applied"] = changed && result.status.has_value();
  if (!result.status) out["error"] = to_json(result.status.error());
  return json_reply(result.status ? 200 : 500, out);
}

Reply Control::plan(const Json& body) {
  return applied(daemon_.plan(string_of(body, "bundle"), string_of(body, "environment")), false);
}

Reply Control::apply(const Json& body) {
  return applied(daemon_.apply(string_of(body, "bundle"), string_of(body, "environment")), true);
}

// A site's page can have the browser of whoever sits at this machine ask loopback, under a name of the
// site's.
bool is_from_a_page(const Request& request, const std::string& observed) {
  if (!request.header("origin").empty() || request.header_count("host") > 1) return true;
  const auto name_of = [](std::string text) {
    if (!text.ends_with(']')) text = text.substr(0, text.rfind(':'));
    return text.starts_with('[') && text.ends_with(']') ? text.substr(1, text.size() - 2) : text;
  };
  const std::string at = name_of(observed);
  const std::string host = lower_ascii(name_of(request.header("host")));
  const bool loopback_only = at == "::1" || at.starts_with("127.");
  return loopback_only && !host.empty() && host != "localhost" && !model::IpAddress::parse(host);
}

Reply observe(app::Daemon& daemon, const Request& request) {
  const std::string path = request.path();
  if (is_from_a_page(request, daemon.options().observed))
    return {403, {{"content-type", "text/plain"}}, "not for pages of other sites\n"};
  if (request.method != "GET" && request.method != "HEAD") return {405, {{"allow", "GET, HEAD"}}, ""};
  if (path == "/metrics")
    return {200, {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}}, daemon.metrics().text()};
  if (path == "/healthz") return {200, {{"content-type", "text/plain"}}, "ok\n"};
  if (path == "/readyz") {
    if (daemon.ready()) return {200, {{"content-type", "text/plain"}}, "ready\n"};
    const auto status = daemon.dataplane_status();
    return {503,
            {{"content-type", "text/plain"}},
            "not ready: " + (status.problem.empty() ? "starting" : status.problem) + "\n"};
  }
  return {404, {{"content-type", "text/plain"}}, "there is /metrics, /healthz and /readyz\n"};
}

}  // namespace durward::api
