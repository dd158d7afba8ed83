#include "generation/request_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.h"
#include "base/text.h"
#include "generation/fast_rules.h"
#include "generation/rows.h"
#include "generation/words.h"

namespace durward::generation {
namespace {

// Of all headers as one text, a line each: control bytes in a value, which parsers behind us skip, cut at or
// take for space, and names that CGI, WSGI or PHP would fold onto a header the gateway speaks for. One pass:
// writing the headers out costs more than searching them.
constexpr const char* header_pattern =
    "(?i)[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]|"
    "(?:^|\\n)(?=[^:\\n]*[^a-z0-9:\\n-])(?:x[^a-z0-9:]+(?:durward|forwarded|original|rewrite|real|http|envoy)"
    "|"
    "forwarded|cookie|host|authorization)[^:]*";
// Our cookies in any place or spelling but "NAME=value" at the start or after "; ".
constexpr const char* cookie_pattern =
    "(?<!^)(?<!; )__Host-durward|__Host-durward(?!(?:-login|-state)?=[A-Za-z0-9_-]+(?:; |$))";

class RequestRules {
 public:
  RequestRules(const ConfigInput& input, const model::Listener& listener, Writer& out)
      : in_(input),
        listener_(listener),
        gateway_(input.policies.model->gateway),
        model_(*input.policies.model),
        w_(out) {}

  void render() {
    render_fast_rules(in_, listener_, w_);
    hygiene(listener_);
    scrub(listener_);
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

 private:
  std::string map(const char* name) const { return runtime_map(in_.platform, name); }

  // A request that two parsers could read in two ways is refused before anything reads it.
  void hygiene(const model::Listener& listener) {
    w_.comment("--- refuse what is ambiguous");
    if (!gateway_.trusted_proxies.empty()) forwarded_source();
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
    if (!mutant("host-check-off"))
      w_.line(
          "http-request set-var(txn.why) str(bad_host) unless {{ req.fhdr_cnt(host) 1 }} {{ req.fhdr(host) "
          "-m "
          "reg {} }}",
          quoted(host_pattern));
    if (!mutant("path-check-off"))
      w_.line("http-request set-var(txn.why) str(bad_path) unless {{ path -m reg {} }}",
              quoted(mutant("encoded-slash-allowed") ? "%2[Ff]|" + std::string(path_pattern) : path_pattern));
    w_.line(
        "http-request set-var(txn.why) str(bad_method) unless {{ method -m reg '^[A-Za-z][A-Za-z-]{{0,31}}$' "
        "}} "
        "!{{ method CONNECT TRACE }}");
    if (!mutant("header-check-off"))
      w_.line("http-request set-var(txn.why) str(bad_header) if {{ req.hdrs -m reg {} }}",
              quoted(header_pattern));
    w_.line("http-request set-var(txn.why) str(bad_header) if {{ req.fhdr_cnt(authorization) gt 1 }}");
    w_.comment(
        "HAProxy's cookie parser is not the browser's: our name counts only where a browser would put it");
    w_.line(
        "http-request set-var(txn.why) str(bad_cookie) if {{ req.fhdr(cookie) -m sub __Host-durward }} {{ "
        "req.fhdr_cnt(cookie) gt 1 }}");
    w_.line("http-request set-var(txn.why) str(bad_cookie) if {{ req.fhdr(cookie) -m reg {} }}",
            quoted(cookie_pattern));
    if (!mutant("cookie-duplicate-allowed"))
      w_.line("http-request set-var(txn.why) str(bad_cookie) if {{ req.cook_cnt(__Host-durward) gt 1 }}");
    w_.line(
        "http-request return status 400 content-type text/html lf-file pages/refused.html hdr cache-control "
        "no-store if {{ var(txn.why) -m found }}");
    // What fits a buffer is within any larger limit: no need to look for the header then.
    if (!mutant("body-limit-off"))
      w_.line(
          "http-request set-var(txn.why) str(body_too_large) if {}{{ req.hdr(content-length),add(0) gt {} }}",
          largest_body(model_) < buffer_bytes_max ? "" : "!{ internal.htx.has_eom } ", largest_body(model_));
    w_.line(
        "http-request return status 413 content-type application/problem+json lf-file pages/denied.json if "
        "{{ var(txn.why) -m found }}");
    if (listener.certificates && !mutant("sni-check-off")) {
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

  // What a trusted proxy says of its client is believed or refused, never passed over: else the proxy would
  // be the client.
  void forwarded_source() {
    const std::string trusted = trusted_networks(gateway_);
    w_.line(
        "http-request set-var(txn.why) str(bad_header) if {{ src {} }} {{ req.fhdr_cnt(x-forwarded-for) gt 0 "
        "}} "
        "!{{ req.hdr_ip(x-forwarded-for,-1) -m found }}",
        trusted);
    w_.line(
        "http-request set-src req.hdr_ip(x-forwarded-for,-1) if {{ src {} }} {{ "
        "req.hdr_ip(x-forwarded-for,-1) -m found }}",
        trusted);
  }

  // Only the gateway speaks these headers, in both directions.
  void scrub(const model::Listener& listener) {
    w_.comment("--- take away what only the gateway may say, then say it");
    if (!mutant("identity-header-scrub-off"))
      w_.line(
          "http-request del-header "
          "'^(?i)(x-durward-.*|x-forwarded-.*|forwarded|x-original-.*|x-rewrite-.*|x-real-ip|x-envoy-.*|x-"
          "http-"
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

  void refuse_503(const char* when) {
    w_.line(
        "http-request return status 503 content-type text/html lf-file pages/not_ready.html hdr "
        "cache-control no-store hdr retry-after 1 if {}",
        when);
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
    if (mutant("strip-cookie-off")) return;
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
    w_.line("http-request set-var(txn.why) str(not_ready) if {{ var(txn.why) -m found }} is_retired");
    refuse_503("{ var(txn.why) -m str not_ready }");
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
    refuse_503("{ var(txn.why) -m found }");
  }

  void session() {
    w_.comment(
        "--- who: one row of a stick table; sessions.map holds what a new worker has not been given yet");
    w_.line("http-request set-var(txn.c) int(0)");
    w_.line(
        "http-request set-var(txn.key) {},concat(/,txn.tok),sha2(256),bytes(0,16),hex if {{ "
        "var(txn.tok) -m found }}",
        mutant("token-host-unbound") ? "str(x)" : "var(txn.host)");
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
      refuse_503("{ var(txn.why) -m found }");
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
    if (mutant("websocket-origin-unchecked")) return;
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
    w_.line("http-request set-var(txn.rule_words) 'str(none: what no rule allows is denied)' if is_refused");
    w_.line("http-request set-var(txn.rule_words) var(txn.rule) if is_refused {{ var(txn.rule) -m found }}");
    w_.line("acl is_curable var(txn.why) -m str login_required acr_required auth_age_required");
    w_.line("acl is_stale var(txn.why) -m str acr_required auth_age_required");
    w_.line("http-request set-var(txn.be) str(durward_edge) if is_curable {{ method GET HEAD }} wants_html");
    w_.line(
        "http-request set-header x-durward-login %[var(txn.why)] if is_curable {{ method GET HEAD }} "
        "wants_html");
    w_.line("http-request set-header x-durward-needs %[var(txn.v)] if is_stale");
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
    refuse_503("is_refused");
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
    w_.comment("the short way: a whole answer, short, with no header that needs a look");
    w_.line(
        "http-response allow if {{ res.hdr(content-length),add(0) lt 1048577 }} !{{ status 101 }} !{{ "
        "res.hdr_names(:) -m reg "
        "'(?i)(?:^|:)(?:clear-site-data|service-worker-allowed|alt-svc|set-cookie|x-durward-)' }}");
    w_.line("http-response allow if {{ var(txn.be) -m str durward_edge }}");
    w_.line("acl r_session var(txn.auth) -m found");
    w_.line("acl r_long status 101");
    w_.line("acl r_long res.hdr_cnt(content-length) 0");
    w_.line("acl r_long res.hdr(content-length),add(0) gt 1048576");
    w_.line("http-response set-var-fmt(txn.stream) %[var(txn.key)]@%rt if r_session r_long");
    w_.line("http-response track-sc2 var(txn.stream) table {} if r_session r_long", streams_table);
    std::string live;
    for (std::size_t i = 0; i < in_.login_tables.size(); ++i)
      live += fmt::format(" !{{ var(txn.key),table_gpt0({}{}) gt 0 }}", sessions_table,
                          static_cast<char>('a' + i));
    w_.line(
        "http-response deny deny_status 403 if r_session r_long !{{ var(txn.key),map_str({}) -m found }}{}",
        map(sessions_map), live);
    w_.line(
        "http-response set-header connection close if {{ res.hdr(content-type) -m beg text/event-stream }} "
        "|| {{ "
        "res.hdr(content-length),add(0) gt 1048576 }}");
    w_.comment("an upstream may not speak for the gateway to the browser");
    w_.line(
        "http-response del-header '^(?i)(clear-site-data|service-worker-allowed|alt-svc|x-durward-.*)$' -m "
        "reg");
    if (mutant("response-set-cookie-allowed")) return;
    w_.line(
        "http-response replace-header set-cookie '^[\\s=]*(?i:__Host-durward).*$' 'durward-removed=; "
        "Max-Age=0' "
        "if {{ res.fhdr(set-cookie) -m reg '(?i)__Host-durward' }}");
  }

  const ConfigInput& in_;
  const model::Listener& listener_;
  const model::Gateway& gateway_;
  const model::Model& model_;
  Writer& w_;
};

}  // namespace

void render_request_rules(const ConfigInput& input, const model::Listener& listener, Writer& out) {
  RequestRules(input, listener, out).render();
}

}  // namespace durward::generation
