#include "generation/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/mutant.h"
#include "base/text.h"
#include "generation/request_rules.h"
#include "generation/routes.h"
#include "generation/rows.h"
#include "generation/words.h"
#include "generation/writer.h"
#include "model/address.h"

namespace durward::generation {
namespace {

class Config {
 public:
  explicit Config(const ConfigInput& input)
      : in_(input),
        model_(*input.policies.model),
        gateway_(model_.gateway),
        largest_body_(largest_body(model_)) {}

  std::string backends(const std::vector<const model::App*>& apps) {
    for (const auto* app : apps)
      for (const auto& [name, upstream] : app->upstreams) backend(*app, upstream);
    return w_.take();
  }

  std::string head() {
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
    return w_.take();
  }

 private:
  std::string map(const char* name) const { return runtime_map(in_.platform, name); }
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

  // In a section of peers, of which there are none: a worker that is being replaced empties the tables of its
  // backends at once, while requests it has begun still need them, but not these.
  void tables() {
    w_.section(fmt::format("peers {}", tables_section));
    w_.line("disabled");
    w_.comment("one row: a number for each line of the log, so that a lost line shows");
    w_.line("table {} type integer size 10 store gpc0", in_section(sequence_table));
    w_.comment("open streams, SESSION@STREAM: what a revocation has to cut");
    w_.line("table {} type string len 64 size 1m expire 2s store conn_cur", in_section(streams_table));
    w_.comment(
        "sessions: gpt0 = class, gpc0 = absolute end, gpc1 = time of authentication; idle life by expire");
    for (std::size_t i = 0; i < in_.login_tables.size(); ++i)
      w_.line("table {}{} type string len 32 size {} expire {}s nopurge store gpt0,gpc0,gpc1",
              in_section(sessions_table), static_cast<char>('a' + i), in_.platform.sessions_max,
              in_.login_tables[i]);
  }
  static std::string_view in_section(std::string_view table) { return table.substr(table.find('/') + 1); }

  void binds(const model::Listener& listener, std::size_t index) {
    for (const auto& bind : listener.bind) {
      const bool v6 = bind.value.address.find(':') != std::string::npos;
      std::string line = v6 ? fmt::format("bind [{}]:{} v6only", bind.value.address, bind.value.port)
                            : fmt::format("bind {}:{}", bind.value.address, bind.value.port);
      if (listener.certificates) line += fmt::format(" ssl crt ../../certs/{} alpn h2,http/1.1", index);
      w_.line("{}  # {}", line, from(bind.span));
    }
    if (listener.proxy_protocol && !gateway_.trusted_proxies.empty())
      w_.line("tcp-request connection expect-proxy layer4 if {{ src {} }}", trusted_networks(gateway_));
    w_.line("tcp-request connection track-sc0 int(1) table {}", sequence_table);
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
    w_.line("http-request redirect location https://%[var(txn.host)]{}%[pathq] code 308", url_port());
  }

  void frontend(const model::Listener& listener, std::size_t index) {
    w_.section(fmt::format("frontend {}_{} from durward", listener.certificates ? "https" : "http", index));
    w_.comment(from(listener.span));
    binds(listener, index);
    logging();
    w_.comment(
        "a worker that is being replaced closes idle connections, and a request may be on its way on one");
    w_.line("http-after-response set-header connection close if {{ str(closing),map_str({}) -m found }}",
            map(switches_map));
    w_.comment("one that was replaced has no routes any more, whoever still holds a connection to it");
    w_.line("acl is_retired str(retired),map_str({}) -m found", map(switches_map));
    render_request_rules(in_, listener, w_);
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
    if (std::ranges::any_of(upstream.servers, [](const auto& one) { return resolvable(one.value); })) {
      w_.comment("a name may be made to mean another machine later: what these say goes nowhere");
      w_.line("http-response deny deny_status 502 if {{ bc_dst -m ip {} }}", model::never_upstream_networks);
    }
    for (std::size_t i = 0; i < upstream.servers.size(); ++i) server(upstream, i);
  }

  void route_limits(const model::App& app, const model::Upstream& upstream) {
    bool timeouts = false, bodies = false;
    std::vector<std::string> streams;
    for (const auto& route : app.routes) {
      if (route.upstream.value != upstream.name.value) continue;
      timeouts |= route.timeout.has_value();
      bodies |= route.max_body_bytes.has_value();
      if (route.stream_body) streams.push_back(app.name.value + "/" + route.id.value);
    }
    if (timeouts)
      w_.line(
          "http-request set-timeout server var(txn.r),field(4,|) unless {{ var(txn.r),field(4,|) -m str -- - "
          "}}");
    unsized_bodies(streams);
    if (mutant("body-limit-off") || mutant("unsized-body-allowed")) return;
    if (largest_body_ <= gateway_.max_body_bytes && !bodies && gateway_.max_body_bytes >= buffer_bytes_max)
      return;
    w_.comment(
        "hdr_val() would wrap at 2 GiB, add(0) does not; over HTTP/2 body_size knows no announced length");
    w_.line("http-request set-var(txn.body) req.hdr(content-length),add(0)");
    w_.line("http-request set-var(txn.body) req.body_size if !has_length{}",
            streams.empty() ? "" : " !is_stream");
    w_.line("acl has_no_limit var(txn.r),field(5,|) -m str -- -");
    w_.line("http-request deny deny_status 413 if has_no_limit {{ var(txn.body) -m int gt {} }}",
            gateway_.max_body_bytes);
    if (bodies)
      w_.line(
          "http-request deny deny_status 413 if !has_no_limit {{ var(txn.body) -m found }} !{{ "
          "var(txn.r),field(5,|),sub(txn.body) ge 0 }}");
  }

  // HAProxy counts what lies in its buffer and what a header announces, nothing that flows past. So a body of
  // unknown length is waited for while it fits, and refused when it does not.
  void unsized_bodies(const std::vector<std::string>& streams) {
    if (mutant("unsized-body-allowed")) return;
    w_.comment(
        "a body without a length is counted while it fits a buffer; beyond, only a route that streams takes "
        "it");
    w_.line("acl is_whole internal.htx.has_eom");
    w_.line("acl has_length req.fhdr_cnt(content-length) gt 0");
    if (!streams.empty()) w_.line("acl is_stream var(txn.r),field(3,|) -m str {}", join(streams, " "));
    const char* when = streams.empty() ? "!is_whole !has_length" : "!is_whole !has_length !is_stream";
    w_.line("http-request wait-for-body time 10s if {}", when);
    w_.line(
        "http-request return status 411 content-type application/problem+json string "
        "'{{\"type\":\"about:blank\",\"title\":\"Length Required\",\"status\":411,\"detail\":\"Send a "
        "Content-Length. This route takes a body of unknown length only while it is short.\"}}' if {}",
        when);
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
      // HAProxy compares names only, never the addresses of a certificate: without a name the authority alone
      // decides.
      if (is_name(server) || upstream.tls->sni)
        line += fmt::format(" sni str({}) verifyhost {} check-sni {}", name, name, name);
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
  const std::uint64_t largest_body_;
  Writer w_;
};

}  // namespace

std::string render_head(const ConfigInput& input) {
  return Config(input).head();
}

std::string render_backends(const ConfigInput& input, const std::vector<const model::App*>& apps) {
  return Config(input).backends(apps);
}

}  // namespace durward::generation
