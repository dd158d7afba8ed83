#include "importer/reasons.h"

#include <fmt/format.h>

#include <string_view>

namespace durward::importer {
namespace {

struct Reason {
  Note::Kind kind;
  const char* text;
};
constexpr auto own = Note::Kind::own;
constexpr auto lost = Note::Kind::lost;

constexpr Reason process{own,
                         "about the HAProxy process: Durward starts its own; in attach mode it stays yours"};
constexpr Reason logging{own, "Durward logs each request itself, see docs/formats/access-log.md"};
constexpr Reason forwarded{own, "Durward sets X-Forwarded-* itself and removes what clients send"};
constexpr Reason tuning{own, "a setting of connections that Durward chooses itself"};
constexpr Reason headers{lost, "Durward does not rewrite headers: let the application do it"};
constexpr Reason rewriting{lost,
                           "Durward does not rewrite paths: let the application take them as they come"};
constexpr Reason rates{
    lost, "limits on rates come in a later release: keep them in front of the gateway meanwhile"};
constexpr Reason stats{own, "HAProxy's statistics page: Durward has `durward status` and metrics"};
constexpr Reason pages{own, "Durward has pages of its own for refusals"};
constexpr Reason sticky{lost, "sessions do not stick to a server: use balance: source, or share their state"};
constexpr Reason checks{
    lost, "Durward asks health.path with GET and takes 2xx and 3xx; other checks are not carried"};
constexpr Reason tcp{
    lost, "Durward publishes HTTP only: keep it in an HAProxy of its own, or beside it in attach mode"};
constexpr Reason plugins{lost,
                         "Durward runs no scripts, filters or agents: keep them in front of the gateway"};
constexpr Reason bodies{lost, "Durward does not look into bodies or answers"};
constexpr Reason caching{
    lost, "Durward neither caches nor compresses: let the application, or something in front, do it"};
constexpr Reason old{lost, "an old directive that HAProxy itself no longer takes"};
constexpr Reason variables{lost, "Durward keeps no variables of a request"};
constexpr Reason queues{lost,
                        "Durward has no bound on connections to a server: let the application have one"};
constexpr Reason monitor{lost,
                         "the gateway answers no such path itself: ask an app's route, or `durward status`"};

struct Row {
  std::string_view key;
  Reason reason;
};

// By the first word, or the first two.
constexpr Row directives[] = {
    {"log", logging},
    {"log-format", logging},
    {"log-format-sd", logging},
    {"log-tag", logging},
    {"error-log-format", logging},
    {"log-steps", logging},
    {"unique-id-format", logging},
    {"unique-id-header", logging},
    {"capture", logging},
    {"declare", logging},
    {"http-request capture", logging},
    {"http-response capture", logging},
    {"option httplog", logging},
    {"option tcplog", logging},
    {"option httpslog", logging},
    {"option logasap", logging},
    {"option dontlognull", logging},
    {"option dontlog-normal", logging},
    {"option log-separate-errors", logging},
    {"option log-health-checks", logging},
    {"option socket-stats", stats},
    {"http-request set-log-level", logging},
    {"option forwardfor", forwarded},
    {"option forwarded", forwarded},
    {"option originalto", forwarded},
    {"option httpclose", tuning},
    {"option http-server-close", tuning},
    {"option http-keep-alive", tuning},
    {"option forceclose", tuning},
    {"option http-tunnel", tuning},
    {"option http-pretend-keepalive", tuning},
    {"option redispatch", tuning},
    {"option abortonclose", tuning},
    {"option tcpka", tuning},
    {"option clitcpka", tuning},
    {"option srvtcpka", tuning},
    {"option prefer-last-server", tuning},
    {"option nolinger", tuning},
    {"option tcp-smart-accept", tuning},
    {"option tcp-smart-connect", tuning},
    {"option splice-auto", tuning},
    {"option splice-request", tuning},
    {"option splice-response", tuning},
    {"option http-use-htx", tuning},
    {"option contstats", stats},
    {"option idle-close-on-response", tuning},
    {"option http-buffer-request", bodies},
    {"option http-no-delay", tuning},
    {"option spop-check", checks},
    {"option allbackups", sticky},
    {"option persist", sticky},
    {"option transparent", tcp},
    {"option http_proxy", tcp},
    {"option disable-h2-upgrade", tuning},
    {"option accept-invalid-http-request",
     {own,
      "Durward refuses what is "
      "ambiguous, see docs/policy.md"}},
    {"option accept-unsafe-violations-in-http-request",
     {own,
      "Durward refuses "
      "what is ambiguous, see docs/policy.md"}},
    {"option httpchk", checks},
    {"option ssl-hello-chk", checks},
    {"option tcp-check", checks},
    {"option mysql-check", checks},
    {"option pgsql-check", checks},
    {"option redis-check", checks},
    {"option smtpchk", checks},
    {"option ldap-check", checks},
    {"option external-check", checks},
    {"external-check", checks},
    {"http-check", checks},
    {"tcp-check", checks},
    {"timeout check", checks},
    {"timeout http-request", tuning},
    {"timeout http-keep-alive", tuning},
    {"timeout queue", tuning},
    {"timeout client-fin", tuning},
    {"timeout server-fin", tuning},
    {"timeout tarpit", tuning},
    {"retries", tuning},
    {"retry-on", tuning},
    {"maxconn", tuning},
    {"backlog", tuning},
    {"fullconn", queues},
    {"rate-limit", rates},
    {"stick-table", rates},
    {"http-request track-sc0", rates},
    {"http-request track-sc1", rates},
    {"http-request track-sc2", rates},
    {"http-response track-sc0", rates},
    {"tcp-request", rates},
    {"http-request sc-inc-gpc0", rates},
    {"http-request sc-inc-gpc", rates},
    {"http-request sc-set-gpt0", rates},
    {"http-request sc-set-gpt", rates},
    {"stick", sticky},
    {"cookie", sticky},
    {"appsession", sticky},
    {"force-persist", sticky},
    {"ignore-persist", sticky},
    {"hash-type", sticky},
    {"use-server", sticky},
    {"dynamic-cookie-key", sticky},
    {"peers", sticky},
    {"persist", sticky},
    {"stats", stats},
    {"errorfile", pages},
    {"errorloc", pages},
    {"errorloc302", pages},
    {"errorloc303", pages},
    {"errorfiles", pages},
    {"http-error", pages},
    {"http-request set-header", headers},
    {"http-request add-header", headers},
    {"http-request del-header", headers},
    {"http-request replace-header", headers},
    {"http-request replace-value", headers},
    {"http-response", headers},
    {"http-after-response", headers},
    {"http-request early-hint", headers},
    {"reqadd", old},
    {"rspadd", old},
    {"reqidel", old},
    {"rspidel", old},
    {"reqdel", old},
    {"rspdel", old},
    {"reqrep", old},
    {"reqirep", old},
    {"rsprep", old},
    {"rspirep", old},
    {"reqdeny", old},
    {"reqideny", old},
    {"reqallow", old},
    {"reqiallow", old},
    {"contimeout", old},
    {"clitimeout", old},
    {"srvtimeout", old},
    {"redisp", old},
    {"redispatch", old},
    {"httpchk", checks},
    {"http-send-name-header", headers},
    {"http-request set-path", rewriting},
    {"http-request replace-path", rewriting},
    {"http-request replace-pathq", rewriting},
    {"http-request set-pathq", rewriting},
    {"http-request set-uri", rewriting},
    {"http-request replace-uri", rewriting},
    {"http-request set-query", rewriting},
    {"http-request normalize-uri",
     {own, "Durward refuses paths that can be read in two ways, see docs/policy.md"}},
    {"http-request set-method", rewriting},
    {"http-request set-src",
     {lost,
      "whose word about the client's address "
      "is believed is said in Gateway.trustedProxies: name those networks there"}},
    {"http-request set-var", variables},
    {"http-request set-var-fmt", variables},
    {"http-request unset-var", variables},
    {"http-request set-timeout", tuning},
    {"http-request set-nice", tuning},
    {"http-request set-tos", tuning},
    {"http-request set-mark", tuning},
    {"http-request wait-for-body", bodies},
    {"http-request wait-for-handshake", tuning},
    {"http-request disable-l7-retry", tuning},
    {"http-request do-resolve", {lost, "servers are named in upstreams: no name is looked up for a request"}},
    {"http-request set-dst", {lost, "servers are named in upstreams: no request chooses one"}},
    {"http-request set-dst-port", {lost, "servers are named in upstreams: no request chooses one"}},
    {"http-request set-map", variables},
    {"http-request add-acl", variables},
    {"http-request del-acl", variables},
    {"http-request del-map", variables},
    {"http-request cache-use", caching},
    {"http-request lua", plugins},
    {"http-request use-service", plugins},
    {"http-request send-spoe-group", plugins},
    {"filter", plugins},
    {"compression", caching},
    {"tcp-response", bodies},
    {"monitor-uri", monitor},
    {"monitor-net", monitor},
    {"monitor", monitor},
    {"mode", {own, "the apps are HTTP"}},
    {"description", {own, "for readers"}},
    {"id", {own, "a number of HAProxy's own"}},
    {"guid", {own, "a name of HAProxy's own"}},
    {"disabled", {own, "the section is switched off"}},
    {"enabled", {own, "as it is anyway"}},
    {"bind-process", process},
    {"source", tuning},
    {"grace", process},
    {"email-alert", process},
    {"transparent", tcp},
    {"dispatch", {lost, "no server is named: write one into the app's upstream"}},
    {"load-server-state-from-file", process},
    {"server-state-file-name", process},
    {"max-keep-alive-queue", tuning},
    {"max-session-srv-conns", tuning},
    {"clitcpka-idle", tuning},
    {"clitcpka-cnt", tuning},
    {"clitcpka-intvl", tuning},
    {"http-reuse", tuning},
    {"http-request", headers},
    {"option", tuning},
    {"no option", tuning},
    {"default option", tuning},
    {"timeout", tuning},
    {"no", tuning},
    {"http-restrict-req-hdr-names", {own, "Durward refuses names that could be mistaken for its own"}},

};

// What is said of every line of a section.
constexpr Row sections[] = {
    {"global", process},
    {"peers", sticky},
    {"cache", caching},
    {"mailers", process},
    {"ring", logging},
    {"log-forward", logging},
    {"log-profile", logging},
    {"traces", process},
    {"program", process},
    {"namespace_list", tcp},
    {"http-errors", pages},
    {"fcgi-app",
     {lost,
      "Durward speaks HTTP to its upstreams, not "
      "FastCGI: put a web server in between"}},
    {"resolvers", {own, "names are looked up with the system's resolver"}},
    {"crt-store",
     {lost, "put certificates, chain and key in one PEM file each, into the listener's directory"}},
    {"acme",
     {lost, "Durward obtains no certificates: let a client of its own write them into the directory"}},
    {"healthcheck", checks},
    {"userlist", {lost, "nothing that is carried asks for this list"}},
    {"defaults", {own, "what it says is taken where a section uses it"}},
};

template <std::size_t size>
const Reason* find(const Row (&rows)[size], const std::string& key) {
  for (const Row& row : rows)
    if (row.key == key) return &row.reason;
  return nullptr;
}

bool http_keyword(const std::string& word) {
  return word.starts_with("http-") || word == "use_backend" || word == "redirect";
}

}  // namespace

void give_reason(Context& context, const Section& section, const Directive& directive) {
  if (!context.ledger.at(directive.line).notes.empty()) return;
  const auto note = [&](const Reason& reason) {
    context.ledger.note(directive.line, reason.kind, reason.text);
  };
  const Reason* whole = section.kind == "defaults" ? nullptr : find(sections, section.kind);
  if (whole != nullptr) return note(*whole);
  if (section.proxy() && !section.http() && !http_keyword(directive.word(0))) return note(tcp);
  const std::string& first = directive.word(0);
  const std::string action = directive.word(1).substr(0, directive.word(1).find_first_of("(."));
  for (const std::string& key : {first + " " + directive.word(1), first + " " + action, first})
    if (const Reason* reason = find(directives, key)) return note(*reason);
  context.ledger.lost(directive.line,
                      fmt::format("'{}' has no counterpart in a bundle", shown(directive.word(0))));
}

}  // namespace durward::importer
