#include "generation/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "generation/rows.h"

namespace durward::generation {
namespace {

// Paths: '/' and what RFC 3986 leaves unescaped, without ';'; %XX only of bytes that need it and that no
// upstream reads as structure (not unreserved, not '/', '\', '%', ';', '.', no control bytes); no "//", no
// dot segments.
constexpr const char* path_pattern =
    "^(?!.*(?://|/\\.\\.?(?:/|$)))/(?:[A-Za-z0-9._~!$&\\x27()*+,=:@/"
    "-]|%(?:2[0-4]|2[6-9A-Ca-c]|3[AaC-Fc-f]|40|5[BbDdEe]|"
    "60|7[B-Db-d]|[89ABDabd][0-9A-Fa-f]|[Cc][2-9A-Fa-f]|[Ee](?:0(?=%[ABab])|[1-9A-Fa-f])|"
    "[Ff](?:0(?=%[9ABab])|[1-4])))*$";
constexpr const char* host_pattern =
    "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\\.?(:[0-9]{1,5})?$";
// Spellings that CGI, WSGI or PHP would fold onto a header the gateway speaks for.
constexpr const char* alias_pattern =
    "(?i)(?:^|:)(?=[^:]*[^a-z0-9:-])(?:x[^a-z0-9:]+(?:durward|forwarded|original|rewrite|real|http|envoy)|"
    "forwarded|"
    "cookie|host|authorization)[^:]*";
// Our cookies in any place or spelling but "NAME=value" at the start or after "; ".
constexpr const char* cookie_pattern =
    "(?<!^)(?<!; )__Host-durward|__Host-durward(?!(?:-login|-state)?=[A-Za-z0-9_-]+(?:; |$))";

std::string quoted(std::string_view text) {
  return fmt::format("'{}'", text);
}

class Writer {
 public:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    out_ += "    ";
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }
  void section(std::string_view head) { out_ += fmt::format("\n{}\n", head); }
  void comment(std::string_view text) { out_ += fmt::format("    # {}\n", text); }
  void top(std::string_view text) { out_ += fmt::format("# {}\n", text); }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

class Config {
 public:
  explicit Config(const ConfigInput& input)
      : in_(input), model_(*input.policies.model), gateway_(model_.gateway) {}

  std::string render() {
    header();
    global();
    tables();
    for (std::size_t i = 0; i < gateway_.listeners.size(); ++i) {
      const auto& listener = gateway_.listeners[i];
      if (listener.redirect_https)
        redirect(listener, i);
      else
        frontend(listener, i);
    }
    edge();
    for (const auto* app : model_.all_apps())
      for (const auto& [name, upstream] : app->upstreams) backend(*app, upstream);
    return w_.take();
  }

 private:
  std::string map(const char* name) const { return fmt::format("{}/{}", in_.platform.runtime, name); }
  std::string url_port() const {
    return gateway_.public_port == 443 ? std::string() : fmt::format(":{}", gateway_.public_port);
  }
  static std::string from(const SourceSpan& span) {
    return span.known() ? "from " + span.where() : "built in";
  }

  void header() {
    w_.top("Written by Durward from a bundle; generation @GENERATION@. Do not edit: change the bundle.");
    w_.top("Who may reach what is not in here: it is in the maps, and changes without a reload.");
  }

  void global() {
    w_.section("global");
    w_.line("default-path config");
    w_.line("stats socket unix@{}/admin.sock mode 600 level admin", in_.platform.sockets);
    w_.line("stats timeout 24h");
    w_.line("set-var proc.started date()");
    w_.comment("what this process was started with: whoever finds it running can tell whether it will do");
    w_.line("set-var proc.generation str(@GENERATION@)");
    w_.line("set-var proc.pages str(@PAGES@)");
    if (!in_.platform.attached) process_wide();
    w_.section("defaults durward");
    w_.line("mode http");
    w_.line("timeout connect {}ms", gateway_.timeout_connect.count());
    w_.line("timeout client {}ms", gateway_.timeout_client.count());
    w_.line("timeout server {}ms", gateway_.timeout_server.count());
    w_.line("timeout tunnel {}ms", gateway_.timeout_tunnel.count());
    w_.line("timeout http-request 10s");
    w_.line("timeout http-keep-alive 60s");
    w_.line("unique-id-format %{{+X}}o%pid-%Ts-%rt");
    for (const int status : {400, 408, 500, 502, 503, 504})
      w_.line("errorfile {} pages/{}.http", status, status);
    w_.section("ring durward_access");
    w_.line("format raw");
    w_.line("maxlen 16000");
    w_.line("size 16777216");
    w_.line("timeout connect 1s");
    w_.line("timeout server 10s");
    w_.line("server reader unix@{}/log.sock log-proto octet-count", in_.platform.sockets);
    resolvers();
  }

  void process_wide() {
    w_.comment("old workers end their last streams within this; revocations reach them meanwhile");
    w_.line("hard-stop-after 30m");
    w_.comment(
        "2.6 remembers a miss in a list for ever after a commit; we use trees only, this is the second lock");
    w_.line("tune.pattern.cache-size 0");
    if (in_.platform.threads > 0) w_.line("nbthread {}", in_.platform.threads);
    w_.line("ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets");
    w_.line("ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20");
    w_.line("ssl-default-server-options ssl-min-ver TLSv1.2");
  }

  void resolvers() {
    if (!any_name()) return;
    w_.section("resolvers durward");
    w_.line("parse-resolv-conf");
    w_.line("hold valid 10s");
  }

  static bool is_name(const model::Server& server) { return !model::IpAddress::parse(server.host); }
  static bool resolvable(const model::Server& server) {
    return is_name(server) && server.host != "localhost" && !server.host.ends_with(".localhost");
  }
  bool any_name() const {
    for (const auto* app : model_.all_apps())
      for (const auto& [name, upstream] : app->upstreams)
        for (const auto& server : upstream.servers)
          if (resolvable(server.value)) return true;
    return false;
  }

  void tables() {
    w_.section(fmt::format("backend {} from durward", sequence_table));
    w_.comment("one row: a number for each line of the log, so that a lost line shows");
    w_.line("stick-table type integer size 10 store gpc0");
    w_.section(fmt::format("backend {} from durward", streams_table));
    w_.comment("open streams, SESSION@STREAM: what a revocation has to cut");
    w_.line("stick-table type string len 64 size 1m expire 2s store conn_cur");
    for (std::size_t i = 0; i < in_.login_tables.size(); ++i) {
      w_.section(fmt::format("backend {}{} from durward", sessions_table, static_cast<char>('a' + i)));
      w_.comment(
          "sessions: gpt0 = class, gpc0 = absolute end, gpc1 = time of authentication; idle life by expire");
      w_.line("stick-table type string len 32 size {} expire {}s nopurge store gpt0,gpc0,gpc1",
              in_.platform.sessions_max, in_.login_tables[i]);
    }
  }

  void binds(const model::Listener& listener, std::size_t index) {
    for (const auto& bind : listener.bind) {
      const bool v6 = bind.value.address.find(':') != std::string::npos;
      std::string line = v6 ? fmt::format("bind [{}]:{} v6only", bind.value.address, bind.value.port)
                            : fmt::format("bind {}:{}", bind.value.address, bind.value.port);
      if (listener.certificates) line += fmt::format(" ssl crt ../../certs/{} alpn h2,http/1.1", index);
      w_.line("{}  # {}", line, from(bind.span));
    }
    if (listener.proxy_protocol && !gateway_.trusted_proxies.empty())
      w_.line("tcp-request connection expect-proxy layer4 if {{ src {} }}", trusted());
    w_.line("tcp-request connection track-sc0 int(1) table {}", sequence_table);
  }

  std::string trusted() const {
    std::vector<std::string> texts;
    for (const auto& cidr : gateway_.trusted_proxies) texts.push_back(cidr.value.text());
    return join(texts, " ");
  }

  void logging() {
    w_.line("log ring@durward_access format raw local0 info");
    const std::string format = fmt::format(
        "dw1 %[sc0_inc_gpc0({})] %pid %Ts%ms %[src] %[src_port] %f %ts %ST %B %Ta %ID %[var(txn.c)] "
        "%[var(txn.key),bytes(0,16)] %[var(txn.why)] %[str(generation),map_str({})] %[var(txn.r)] "
        "%[var(txn.v)] %HM "
        "%[var(txn.host)] %HPO",
        sequence_table, map(switches_map));
    w_.line("log-format \"{}\"", format);
    w_.line("error-log-format \"{}\"", format);
    w_.line("unique-id-header X-Request-Id");
  }

  void redirect(const model::Listener& listener, std::size_t index) {
    w_.section(fmt::format("frontend http_{} from durward", index));
    binds(listener, index);
    logging();
    w_.line("http-request set-var(txn.host) req.fhdr(host),lower,host_only");
    w_.line(
        "http-request set-var(txn.why) str(bad_request) unless {{ req.fhdr_cnt(host) 1 }} {{ req.fhdr(host) "
        "-m reg {} }} {{ path -m reg {} }}",
        quoted(host_pattern), quoted(path_pattern));
    w_.line(
        "http-request return status 400 content-type text/html lf-file pages/refused.html if {{ var(txn.why) "
        "-m found }}");
    w_.line("http-request set-var(txn.why) str(redirect_https)");
    w_.line("http-request redirect location https://%[var(txn.host)]{}%[url] code 308", url_port());
  }

  void frontend(const model::Listener& listener, std::size_t index) {
    w_.section(fmt::format("frontend {}_{} from durward", listener.certificates ? "https" : "http", index));
    w_.comment(from(listener.span));
    binds(listener, index);
    logging();
    hygiene(listener);
    scrub(listener);
    own_paths();
    credentials();
    routing();
    open_routes();
    gate();
    session();
    slices();
    verdict();
    refusals();
    admit();
    responses();
    w_.line("use_backend %[var(txn.be)]");
  }

  // A request that two parsers could read in two ways is refused before anything reads it.
  void hygiene(const model::Listener& listener) {
    w_.comment("--- refuse what is ambiguous");
    if (!gateway_.trusted_proxies.empty())
      w_.line(
          "http-request set-src req.hdr_ip(x-forwarded-for,-1) if {{ src {} }} {{ req.hdr(x-forwarded-for) "
          "-m found }}",
          trusted());
    w_.line("http-request set-var(txn.now) date");
    w_.comment(
        "a variable keeps a method that HAProxy has no number for, such as PATCH, as OPTIONS: as text it "
        "stays");
    w_.line("http-request set-var(txn.m) method,bytes(0)");
    w_.line("acl is_navigation req.hdr(sec-fetch-mode) -m str navigate");
    w_.line("acl has_fetch_mode req.hdr(sec-fetch-mode) -m found");
    w_.line("acl accepts_html req.hdr(accept) -m sub text/html");
    w_.line("http-request set-var(txn.html) bool(true) if is_navigation || !has_fetch_mode accepts_html");
    w_.line("acl wants_html var(txn.html) -m bool");
    w_.line("http-request set-var(txn.host) req.fhdr(host),lower,host_only,regsub(\\.$,)");
    w_.line(
        "http-request set-var(txn.why) str(bad_host) unless {{ req.fhdr_cnt(host) 1 }} {{ req.fhdr(host) -m "
        "reg {} }}",
        quoted(host_pattern));
    w_.line("http-request set-var(txn.why) str(bad_path) unless {{ path -m reg {} }}", quoted(path_pattern));
    w_.line(
        "http-request set-var(txn.why) str(bad_method) unless {{ method -m reg '^[A-Z][A-Z-]{{0,31}}$' }} "
        "!{{ method CONNECT TRACE }}");
    w_.line("http-request set-var(txn.why) str(bad_header) if {{ req.hdr_names(:) -m reg {} }}",
            quoted(alias_pattern));
    w_.line("http-request set-var(txn.why) str(bad_header) if {{ req.fhdr_cnt(authorization) gt 1 }}");
    w_.comment(
        "HAProxy's cookie parser is not the browser's: our name counts only where a browser would put it");
    w_.line(
        "http-request set-var(txn.why) str(bad_cookie) if {{ req.fhdr(cookie) -m sub __Host-durward }} {{ "
        "req.fhdr_cnt(cookie) gt 1 }}");
    w_.line("http-request set-var(txn.why) str(bad_cookie) if {{ req.fhdr(cookie) -m reg {} }}",
            quoted(cookie_pattern));
    w_.line("http-request set-var(txn.why) str(bad_cookie) if {{ req.cook_cnt(__Host-durward) gt 1 }}");
    w_.line(
        "http-request return status 400 content-type text/html lf-file pages/refused.html hdr cache-control "
        "no-store if {{ var(txn.why) -m found }}");
    w_.line("http-request set-var(txn.why) str(body_too_large) if {{ req.hdr_val(content-length) gt {} }}",
            largest_body());
    w_.line(
        "http-request return status 413 content-type application/problem+json lf-file pages/denied.json if "
        "{{ var(txn.why) -m found }}");
    if (listener.certificates) {
      w_.comment(
          "browsers reuse a connection for another host of the same certificate: 421 makes them open a new "
          "one");
      w_.line(
          "http-request set-var(txn.why) str(misdirected) if {{ ssl_fc_has_sni }} !{{ "
          "ssl_fc_sni,lower,strcmp(txn.host) eq 0 }}");
      w_.line(
          "http-request return status 421 content-type text/html lf-file pages/refused.html hdr "
          "cache-control no-store if {{ var(txn.why) -m found }}");
    }
  }

  // The gateway's own limit is the floor for routes that may take more.
  std::uint64_t largest_body() const {
    std::uint64_t largest = gateway_.max_body_bytes;
    for (const auto* app : model_.all_apps())
      for (const auto& route : app->routes)
        if (route.max_body_bytes) largest = std::max(largest, route.max_body_bytes->value);
    return largest;
  }

  // Only the gateway speaks these headers, in both directions.
  void scrub(const model::Listener& listener) {
    w_.comment("--- take away what only the gateway may say, then say it");
    w_.line(
        "http-request del-header "
        "'^(?i)(x-durward-.*|x-forwarded-.*|forwarded|x-original-.*|x-rewrite-.*|x-real-ip|x-envoy-.*|x-http-"
        "method.*|x-method-override|x-request-id)$' -m reg");
    w_.comment("names that are not letters, digits and '-' reach some upstreams as other names");
    w_.line("http-request del-header '[^A-Za-z0-9-]' -m reg");
    w_.line(
        "http-request del-header connection if {{ req.hdr(connection) -m found }} !{{ req.hdr(upgrade) -i "
        "websocket }}");
    w_.line("http-request set-header connection upgrade if {{ req.hdr(upgrade) -i websocket }}");
    w_.line("http-request del-header upgrade unless {{ req.hdr(upgrade) -i websocket }}");
    w_.line("http-request set-header x-forwarded-for %[src]");
    w_.line("http-request set-header x-forwarded-proto {}", listener.certificates ? "https" : "http");
    w_.line("http-request set-header x-forwarded-host %[var(txn.host)]");
  }

  void own_paths() {
    w_.comment("--- Durward's own: everything on the login host; adopt and logout, by POST, on the others");
    w_.line("acl is_login_host var(txn.host) -m str {}", gateway_.login_host.value);
    w_.line("acl is_own_path path -m beg /.durward/");
    w_.line("acl is_own_action path -m str /.durward/adopt /.durward/logout");
    w_.line("http-request set-var(txn.be) str(durward_edge) if is_login_host");
    w_.line(
        "http-request set-var(txn.be) str(durward_edge) if !is_login_host is_own_action {{ method POST }} "
        "!{{ req.hdr(service-worker) -m found }}");
    w_.line("http-request allow if {{ var(txn.be) -m found }}");
    w_.line("http-request set-var(txn.why) str(no_route) if is_own_path");
    refuse_404();
  }

  void refuse_404() {
    w_.line(
        "http-request return status 404 content-type text/html lf-file pages/not_found.html hdr "
        "cache-control no-store if {{ var(txn.why) -m found }} wants_html");
    w_.line(
        "http-request return status 404 content-type application/problem+json lf-file pages/denied.json hdr "
        "cache-control no-store if {{ var(txn.why) -m found }}");
  }

  void credentials() {
    w_.comment("--- the session token, from the cookie or from a bearer of ours; then neither goes further");
    w_.line("acl is_bearer req.hdr(authorization) -m beg -i 'bearer dwt_'");
    w_.line("http-request set-var(txn.tok) req.cook(__Host-durward)");
    w_.line("http-request set-var(txn.why) str(bad_credentials) if is_bearer {{ var(txn.tok) -m found }}");
    w_.line(
        "http-request return status 400 content-type application/problem+json lf-file pages/denied.json hdr "
        "cache-control no-store if {{ var(txn.why) -m found }}");
    w_.line("http-request set-var(txn.tok) req.hdr(authorization),bytes(11) if is_bearer");
    w_.line("http-request del-header authorization if is_bearer");
    w_.line("acl has_our_cookie req.fhdr(cookie) -m sub __Host-durward");
    for (int i = 0; i < 2; ++i) {
      w_.line(
          "http-request del-header cookie if has_our_cookie {{ req.fhdr(cookie) -m reg "
          "'^__Host-durward(-[a-z]+)?=[A-Za-z0-9_-]+$' }}");
      w_.line(
          "http-request replace-header cookie '^__Host-durward(?:-[a-z]+)?=[A-Za-z0-9_-]+; (.*)$' '\\1' if "
          "has_our_cookie");
      w_.line(
          "http-request replace-header cookie '^(.*); __Host-durward(?:-[a-z]+)?=[A-Za-z0-9_-]+(.*)$' "
          "'\\1\\2' if has_our_cookie");
    }
    w_.line("http-request del-header cookie if has_our_cookie");
  }

  void routing() {
    w_.comment("--- one route: literal runs by longest prefix, parameters dropped by constant field() rules");
    w_.line("http-request set-var(txn.t) path,bytes(1),concat(/^,txn.m,^)");
    w_.line("http-request set-var(txn.r) var(txn.host),concat(/,txn.t),map_beg(maps/routes.map)");
    for (unsigned step = 0; step < in_.routing.steps; ++step) {
      for (std::size_t n = 1; n < in_.routing.step_lengths.size(); ++n)
        if (in_.routing.step_lengths[n])
          w_.line("http-request set-var(txn.t) var(txn.t),field({},/,0) if {{ var(txn.r) -m beg >{}| }}",
                  n + 1, n);
      w_.line("http-request set-var(txn.t) str(^),concat(,txn.m,^) if {{ var(txn.r) -m beg = }}");
      w_.line(
          "http-request set-var(txn.r) var(txn.r),field(2,|),concat(,txn.t),map_beg(maps/routes.map) if {{ "
          "var(txn.r) -m beg > = }}");
    }
    w_.line("http-request set-var(txn.why) str(no_host) unless {{ var(txn.r) -m found }}");
    w_.line("http-request set-var(txn.why) str(no_route) if {{ var(txn.r) -m beg -- - > = }}");
    w_.comment("a step that led nowhere leaves its own row behind, which names no route for the log");
    w_.line("http-request unset-var(txn.r) if {{ var(txn.r) -m beg > = }}");
    refuse_404();
    w_.line("http-request set-var(txn.be) var(txn.r),field(2,|)");
  }

  void open_routes() {
    w_.comment("--- open to anyone: no session is looked up, no identity is passed on");
    w_.line("acl is_preflight_row var(txn.r) -m beg c");
    w_.line(
        "http-request set-var(txn.why) str(no_route) if is_preflight_row !{{ req.hdr(origin) -m found }}");
    w_.line(
        "http-request set-var(txn.why) str(no_route) if is_preflight_row !{{ "
        "req.hdr(access-control-request-method) -m found }}");
    refuse_404();
    w_.line("http-request del-header authorization if is_preflight_row");
    w_.line("http-request del-header cookie if is_preflight_row");
    w_.line("http-request allow if {{ var(txn.r) -m beg o c }}");
  }

  void gate() {
    w_.comment(
        "--- the gate: only a start that Durward ordered or has refilled serves, and only while its lease "
        "runs");
    w_.line("http-request set-var(txn.lease) str(lease),map_str({},0)", map(switches_map));
    w_.line("http-request set-var(txn.gate) str(gate),map_str({},0)", map(switches_map));
    w_.line(
        "http-request set-var(txn.why) str(not_ready) unless {{ var(txn.lease),sub(txn.now) gt 0 }} {{ "
        "var(txn.gate),sub(proc.started) ge 0 }}");
    w_.line(
        "http-request return status 503 content-type text/html lf-file pages/not_ready.html hdr "
        "cache-control no-store hdr retry-after 1 if {{ var(txn.why) -m found }}");
  }

  void session() {
    w_.comment(
        "--- who: one row of a stick table; sessions.map holds what a new worker has not been given yet");
    w_.line("http-request set-var(txn.c) int(0)");
    w_.line(
        "http-request set-var(txn.key) var(txn.host),concat(/,txn.tok),sha2(256),bytes(0,16),hex if {{ "
        "var(txn.tok) -m found }}");
    for (std::size_t i = 0; i < in_.login_tables.size(); ++i) {
      const char letter = static_cast<char>('a' + i);
      const std::string which =
          in_.login_tables.size() > 1 ? fmt::format(" {{ var(txn.tok) -m beg {} }}", letter) : "";
      w_.line("http-request track-sc1 var(txn.key) table {}{} if{} {{ var(txn.key),in_table({}{}) }}",
              sessions_table, letter, which, sessions_table, letter);
    }
    w_.line("acl has_row sc1_get_gpt0 gt 0");
    w_.line("http-request set-var(txn.row) var(txn.key),map_str({}) if !has_row", map(sessions_map));
    w_.line("http-request set-var(txn.end) sc1_get_gpc0 if has_row");
    w_.line("http-request set-var(txn.end) var(txn.row),field(2,|) if !has_row {{ var(txn.row) -m found }}");
    w_.line("acl is_live var(txn.end),sub(txn.now) gt 0");
    w_.line("http-request set-var(txn.c) sc1_get_gpt0 if has_row is_live");
    w_.line("http-request set-var(txn.auth) sc1_get_gpc1 if has_row is_live");
    w_.line("http-request set-var(txn.c) var(txn.row),field(1,|) if !has_row is_live");
    w_.line("http-request set-var(txn.auth) var(txn.row),field(3,|) if !has_row is_live");
    w_.line("acl is_session var(txn.auth) -m found");
    w_.line("http-request unset-var(txn.key) if !is_session");
  }

  void slices() {
    w_.comment(
        "--- which verdict: the route's policy, in this slot of its windows and this cell of its sources");
    w_.line("http-request set-var(txn.q) var(txn.r)");
    if (!any_windows() && !any_sources()) return;
    w_.line("http-request set-var(txn.q) var(txn.r),field(1,|) if {{ var(txn.r) -m beg w s x }}");
    if (any_windows()) {
      w_.line("http-request set-var(txn.slot) var(txn.q),map_str({}) if {{ var(txn.r) -m beg w x }}",
              map(slots_map));
      w_.line(
          "http-request set-var(txn.w) var(txn.slot),field(3,|) if {{ var(txn.slot),field(4,|),sub(txn.now) "
          "gt 0 }}");
      w_.line(
          "http-request set-var(txn.w) var(txn.slot),field(1,|) if {{ var(txn.slot),field(2,|),sub(txn.now) "
          "gt 0 }}");
      w_.line(
          "http-request set-var(txn.why) str(not_ready) if {{ var(txn.r) -m beg w x }} !{{ var(txn.w) -m "
          "found }}");
      w_.line(
          "http-request return status 503 content-type text/html lf-file pages/not_ready.html hdr "
          "cache-control no-store hdr retry-after 1 if {{ var(txn.why) -m found }}");
      w_.line("http-request set-var(txn.q) var(txn.q),concat(.,txn.w) if {{ var(txn.r) -m beg w x }}");
    }
    if (any_sources()) {
      w_.line("http-request set-var(txn.ip) src,hex if {{ var(txn.r) -m beg s x }}");
      w_.line(
          "http-request set-var(txn.ip) var(txn.ip),bytes(24) if {{ var(txn.ip) -m len 32 }} {{ var(txn.ip) "
          "-m beg 00000000000000000000FFFF }}");
      w_.line("http-request set-var(txn.ip) str(4),concat(,txn.ip) if {{ var(txn.ip) -m len 8 }}");
      w_.line("http-request set-var(txn.ip) str(6),concat(,txn.ip) if {{ var(txn.ip) -m len 32 }}");
      w_.line(
          "http-request set-var(txn.cell) var(txn.r),field(1,|),concat(:,txn.ip),map_beg(maps/sources.map,0) "
          "if {{ var(txn.r) -m beg s x }}");
      w_.line("http-request set-var(txn.q) var(txn.q),concat(/,txn.cell) if {{ var(txn.r) -m beg s x }}");
    }
    w_.line("http-request set-var(txn.q) var(txn.q),concat(|) if {{ var(txn.r) -m beg w s x }}");
  }

  bool any_windows() const {
    return std::any_of(in_.policies.policies.begin(), in_.policies.policies.end(),
                       [](const auto& entry) { return !entry.second->windows.empty(); });
  }
  bool any_sources() const {
    return std::any_of(in_.policies.policies.begin(), in_.policies.policies.end(),
                       [](const auto& entry) { return !entry.second->sources.empty(); });
  }

  void verdict() {
    w_.comment(
        "--- the verdict: a fact that was written down when something changed, or nothing, which is a "
        "denial");
    w_.line("http-request set-var(txn.v) var(txn.c),concat(.,txn.q),map_beg({})", map(verdicts_map));
    w_.line("http-request set-var(txn.age) var(txn.now),sub(txn.auth) if is_session");
    verdict_stages();
    w_.line("acl is_fresh var(txn.v),field(2,|),sub(txn.age) ge 0");
    w_.line("acl v_allow var(txn.v) -m beg A");
    w_.line("acl v_allow_fresh var(txn.v) -m beg B");
    w_.line("http-request set-var(txn.why) str(no_rule) unless v_allow || v_allow_fresh");
    w_.line("http-request set-var(txn.why) str(auth_age_required) if v_allow_fresh !is_fresh");
    w_.line("http-request set-var(txn.why) str(denied_by_rule) if {{ var(txn.v) -m beg D }}");
    w_.line("http-request set-var(txn.why) str(auth_age_required) if {{ var(txn.v) -m beg U }}");
    w_.line(
        "http-request set-var(txn.why) str(acr_required) if {{ var(txn.v) -m beg U }} !{{ var(txn.v) -m beg "
        "U|- }}");
    w_.line("http-request set-var(txn.why) str(login_required) if {{ var(txn.v) -m beg L }}");
    w_.comment("another site's page may not open a WebSocket as the person in front of it");
    w_.line("http-request set-var(txn.origin) req.hdr(origin),lower,regsub(^https://,)");
    w_.line("http-request set-var(txn.authority) req.fhdr(host),lower");
    w_.line(
        "http-request set-var(txn.why) str(bad_origin) if {{ req.hdr(upgrade) -i websocket }} is_session "
        "!is_bearer !{{ var(txn.origin),strcmp(txn.authority) eq 0 }}");
  }

  // Where the age of a login decides which rules match: the part of the verdict for this age.
  void verdict_stages() {
    unsigned stages = 0;
    for (const auto& [name, policy] : in_.policies.policies)
      stages = std::max(stages, generation::verdict_stages(*policy));
    if (stages == 0) return;
    w_.line("acl v_staged var(txn.v) -m sub ~");
    w_.line("http-request set-var(txn.s) var(txn.v),field(1,~) if v_staged");
    for (unsigned i = 1; i <= stages; ++i)
      w_.line(
          "http-request set-var(txn.s) var(txn.v),field({1},~) if v_staged {{ var(txn.v),field({0},~) -m "
          "found }} !{{ var(txn.v),field({0},~),sub(txn.age) ge 0 }}",
          2 * i, 2 * i + 1);
    w_.line("http-request set-var(txn.v) var(txn.s) if v_staged");
  }

  void refusals() {
    w_.comment("--- refused: a person's browser is sent to log in, everything else is told why");
    w_.line("acl is_refused var(txn.why) -m found");
    w_.comment("what would have been needed, in words, for the page and the JSON");
    w_.line("http-request set-var(txn.hint) var(txn.r),field(1,|),map_str(maps/hints.map) if is_refused");
    w_.line("http-request set-var(txn.route) var(txn.r),field(3,|) if is_refused");
    w_.line(
        "http-request set-var(txn.rule) var(txn.r),concat(:,txn.v),map_str(maps/rules.map) if is_refused {{ "
        "var(txn.v) -m beg D }}");
    w_.line(
        "http-request set-var(txn.rule_words) 'str(none: what no rule allows is denied)' if is_refused");
    w_.line("http-request set-var(txn.rule_words) var(txn.rule) if is_refused {{ var(txn.rule) -m found }}");
    w_.line("acl is_curable var(txn.why) -m str login_required acr_required auth_age_required");
    w_.line("acl is_stale var(txn.why) -m str acr_required auth_age_required");
    w_.line("http-request set-var(txn.be) str(durward_edge) if is_curable {{ method GET HEAD }} wants_html");
    w_.line(
        "http-request set-header x-durward-login %[var(txn.why)] if is_curable {{ method GET HEAD }} "
        "wants_html");
    w_.line("http-request set-header x-durward-needs %[var(txn.v)] if is_stale");
    w_.line("http-request set-header x-durward-session %[var(txn.key)] if is_curable is_session");
    w_.line("http-request allow if is_curable {{ method GET HEAD }} wants_html");
    w_.line(
        "http-request set-var(txn.acr) var(txn.v),field(2,|) if is_stale {{ var(txn.v) -m beg U }} !{{ "
        "var(txn.v) -m beg U|- }}");
    w_.line(
        "http-request set-var(txn.maxage) var(txn.v),field(3,|) if is_stale {{ var(txn.v) -m beg U }} !{{ "
        "var(txn.v),field(3,|) -m str -- - }}");
    w_.line("http-request set-var(txn.maxage) var(txn.v),field(2,|) if is_stale {{ var(txn.v) -m beg B }}");
    const std::string stale =
        "http-request return status 401 content-type application/problem+json lf-file pages/denied.json hdr "
        "cache-control no-store "
        "hdr www-authenticate 'Bearer realm=\"durward\", error=\"insufficient_user_authentication\"{}{}' if "
        "is_stale{}{}";
    const std::string acr = ", acr_values=\"%[var(txn.acr)]\"";
    const std::string age = ", max_age=\"%[var(txn.maxage)]\"";
    const std::string has_acr = " { var(txn.acr) -m found }";
    const std::string has_age = " { var(txn.maxage) -m found }";
    w_.line("{}", fmt::format(fmt::runtime(stale), acr, age, has_acr, has_age));
    w_.line("{}", fmt::format(fmt::runtime(stale), acr, "", has_acr, ""));
    w_.line("{}", fmt::format(fmt::runtime(stale), "", age, "", has_age));
    w_.line(
        "http-request return status 401 content-type application/problem+json lf-file pages/denied.json hdr "
        "cache-control no-store hdr www-authenticate 'Bearer realm=\"durward\"' if {{ var(txn.why) -m str "
        "login_required }}");
    w_.line(
        "http-request return status 403 content-type 'text/html; charset=utf-8' lf-file pages/denied.html "
        "hdr cache-control no-store hdr content-security-policy \"default-src 'none'; style-src "
        "'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'\" hdr "
        "x-content-type-options nosniff if is_refused wants_html");
    w_.line(
        "http-request return status 403 content-type application/problem+json lf-file pages/denied.json hdr "
        "cache-control no-store if is_refused");
  }

  void admit() {
    w_.comment("--- allowed: say who it is");
    w_.line("http-request set-var(txn.who) var(txn.key),map_str({}) if is_session", map(identities_map));
    w_.line("http-request set-var(txn.why) str(not_ready) if is_session !{{ var(txn.who) -m found }}");
    w_.line(
        "http-request return status 503 content-type text/html lf-file pages/not_ready.html hdr "
        "cache-control no-store hdr retry-after 1 if is_refused");
    w_.line("http-request set-header x-durward-user %[var(txn.who),field(1,|)] if is_session");
    w_.line(
        "http-request set-header x-durward-email %[var(txn.who),field(2,|)] if is_session !{{ "
        "var(txn.who),field(2,|) -m str -- - }}");
    w_.line(
        "http-request set-header x-durward-roles %[var(txn.who),field(3,|)] if is_session !{{ "
        "var(txn.who),field(3,|) -m str -- - }}");
    w_.line("http-request set-header x-durward-assertion %[var(txn.who),field(4,|)] if is_session");
    w_.line("acl is_grpc req.hdr(content-type) -m beg application/grpc");
    w_.line("http-request set-var-fmt(txn.stream) %[var(txn.key)]@%rt if is_session is_grpc");
    w_.line("http-request track-sc2 var(txn.stream) table {} if is_session is_grpc", streams_table);
  }

  void responses() {
    w_.comment("--- answers: streams are noted so that a revocation can cut them, and looked at once more");
    w_.line("http-response allow if {{ var(txn.be) -m str durward_edge }}");
    w_.line("acl r_session var(txn.auth) -m found");
    w_.line("acl r_long status 101");
    w_.line("acl r_long res.hdr_cnt(content-length) 0");
    w_.line("acl r_long res.hdr_val(content-length) gt 1048576");
    w_.line("http-response set-var-fmt(txn.stream) %[var(txn.key)]@%rt if r_session r_long");
    w_.line("http-response track-sc2 var(txn.stream) table {} if r_session r_long", streams_table);
    std::string live;
    for (std::size_t i = 0; i < in_.login_tables.size(); ++i)
      live += fmt::format(" !{{ var(txn.key),table_gpt0({}{}) gt 0 }}", sessions_table,
                          static_cast<char>('a' + i));
    w_.line(
        "http-response deny deny_status 403 if r_session r_long !{{ var(txn.key),map_str({}) -m found }}{}",
        map(sessions_map), live);
    w_.comment("an upstream may not speak for the gateway to the browser");
    w_.line(
        "http-response del-header '^(?i)(clear-site-data|service-worker-allowed|alt-svc|x-durward-.*)$' -m "
        "reg");
    w_.line(
        "http-response replace-header set-cookie '^[\\s=]*(?i:__Host-durward).*$' 'durward-removed=; "
        "Max-Age=0' "
        "if {{ res.fhdr(set-cookie) -m reg '(?i)__Host-durward' }}");
  }

  void edge() {
    w_.section("backend durward_edge from durward");
    w_.comment(
        "Durward itself, for logins only: with it gone, who is logged in goes on until the lease ends");
    w_.line("timeout server 30s");
    w_.comment("a connection that Durward ends while it is idle must not meet a login");
    w_.line("option http-server-close");
    w_.line("http-reuse never");
    w_.line("http-request set-header x-durward-peer %[src]");
    w_.line("server edge unix@{}/edge.sock", in_.platform.sockets);
  }

  void backend(const model::App& app, const model::Upstream& upstream) {
    w_.section(fmt::format("backend {} from durward  # {}", backend_name(app, upstream.name.value),
                           from(upstream.span)));
    w_.line("balance {}", upstream.balance == model::Balance::leastconn ? "leastconn"
                          : upstream.balance == model::Balance::source  ? "source"
                                                                        : "roundrobin");
    route_limits(app, upstream);
    if (upstream.health_path) {
      w_.line("option httpchk");
      w_.line("http-check send meth GET uri {} ver HTTP/1.1 hdr host {}", upstream.health_path->value,
              app.hosts.empty() ? gateway_.login_host.value : app.hosts.front().value);
    }
    for (std::size_t i = 0; i < upstream.servers.size(); ++i) server(upstream, i);
  }

  void route_limits(const model::App& app, const model::Upstream& upstream) {
    bool timeouts = false, bodies = false;
    for (const auto& route : app.routes) {
      if (route.upstream.value != upstream.name.value) continue;
      timeouts |= route.timeout.has_value();
      bodies |= route.max_body_bytes.has_value();
    }
    if (timeouts)
      w_.line(
          "http-request set-timeout server var(txn.r),field(4,|) unless {{ var(txn.r),field(4,|) -m str -- - "
          "}}");
    if (largest_body() > gateway_.max_body_bytes || bodies) {
      w_.line(
          "http-request deny deny_status 413 if {{ var(txn.r),field(5,|) -m str -- - }} {{ "
          "req.hdr_val(content-length) "
          "gt {} }}",
          gateway_.max_body_bytes);
    }
    if (bodies) {
      w_.line("http-request set-var(txn.body) req.hdr_val(content-length)");
      w_.line(
          "http-request deny deny_status 413 unless {{ var(txn.r),field(5,|) -m str -- - }} || {{ "
          "var(txn.r),field(5,|),sub(txn.body) ge 0 }}");
      w_.comment("a limit needs a length to hold against");
      w_.line(
          "http-request return status 411 if !{{ var(txn.r),field(5,|) -m str -- - }} {{ "
          "req.hdr(transfer-encoding) -m "
          "found }}");
    }
  }

  void server(const model::Upstream& upstream, std::size_t index) {
    const auto& server = upstream.servers[index].value;
    const bool v6 = server.host.find(':') != std::string::npos;
    std::string line = fmt::format("server s{} {}:{}", index + 1,
                                   v6 ? fmt::format("[{}]", server.host) : server.host, server.port);
    if (upstream.tls) {
      const std::string name = upstream.tls->sni ? upstream.tls->sni->value : server.host;
      line += " ssl verify required ca-file ";
      line += upstream.tls->ca ? in_.credentials.at(upstream.tls->ca->value) : std::string("@system-ca");
      line += is_name(server) || upstream.tls->sni
                  ? fmt::format(" sni str({}) verifyhost {} check-sni {}", name, name, name)
                  : fmt::format(" verifyhost {}", name);
      line += upstream.protocol == model::UpstreamProtocol::h2 ? " alpn h2" : " alpn http/1.1";
    } else if (upstream.protocol == model::UpstreamProtocol::h2) {
      line += " proto h2";
    }
    if (upstream.health_path) line += " check inter 2s fall 3 rise 1";
    if (resolvable(server)) line += " init-addr last,libc,none resolvers durward";
    w_.line("{}  # {}", line, from(upstream.servers[index].span));
  }

  const ConfigInput& in_;
  const model::Model& model_;
  const model::Gateway& gateway_;
  Writer w_;
};

}  // namespace

std::string render_config(const ConfigInput& input) {
  return Config(input).render();
}

}  // namespace durward::generation
