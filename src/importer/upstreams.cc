#include "importer/upstreams.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/text.h"
#include "importer/hosts.h"
#include "model/limits.h"
#include "model/words.h"

namespace durward::importer {
namespace {

constexpr unsigned http_port = 80;
constexpr unsigned https_port = 443;

constexpr const char* stickiness = "sticks sessions to the server: use balance: source, or share their state";
constexpr const char* weights = "all servers have equal weight";
constexpr const char* queue = "Durward has no bound on connections to a server";
constexpr const char* proxy = "Durward sends no PROXY protocol: the server will wait for one";
constexpr const char* certificate = "Durward shows the server no certificate yet";
constexpr const char* old_tls = "Durward chooses versions and ciphers of TLS itself";

struct Option {
  std::string_view name;
  bool takes_word;
  const char* lost;  // what to say of it; null: nothing is lost
};
constexpr Option options[] = {
    {"inter", true, nullptr},
    {"fastinter", true, nullptr},
    {"downinter", true, nullptr},
    {"rise", true, nullptr},
    {"fall", true, nullptr},
    {"slowstart", true, nullptr},
    {"resolvers", true, nullptr},
    {"init-addr", true, nullptr},
    {"resolve-prefer", true, nullptr},
    {"resolve-net", true, nullptr},
    {"resolve-opts", true, nullptr},
    {"observe", true, nullptr},
    {"on-error", true, nullptr},
    {"on-marked-down", true, nullptr},
    {"on-marked-up", true, nullptr},
    {"error-limit", true, nullptr},
    {"id", true, nullptr},
    {"track", true, nullptr},
    {"pool-max-conn", true, nullptr},
    {"pool-purge-delay", true, nullptr},
    {"pool-low-conn", true, nullptr},
    {"max-reuse", true, nullptr},
    {"tcp-ut", true, nullptr},
    {"log-proto", true, nullptr},
    {"check-proto", true, nullptr},
    {"proto", true, nullptr},
    {"alpn", true, nullptr},
    {"npn", true, nullptr},
    {"check-sni", true, nullptr},
    {"check-alpn", true, nullptr},
    {"port", true, "checks go to the port of the requests"},
    {"addr", true, "checks go where the requests go"},
    {"agent-check", false, "agents are not asked"},
    {"agent-port", true, nullptr},
    {"agent-addr", true, nullptr},
    {"agent-inter", true, nullptr},
    {"agent-send", true, nullptr},
    {"weight", true, weights},
    {"cookie", true, stickiness},
    {"maxconn", true, queue},
    {"minconn", true, queue},
    {"maxqueue", true, queue},
    {"send-proxy", false, proxy},
    {"send-proxy-v2", false, proxy},
    {"send-proxy-v2-ssl", false, proxy},
    {"send-proxy-v2-ssl-cn", false, proxy},
    {"check-send-proxy", false, nullptr},
    {"proxy-v2-options", true, nullptr},
    {"crt", true, certificate},
    {"ciphers", true, old_tls},
    {"ciphersuites", true, old_tls},
    {"ssl-min-ver", true, old_tls},
    {"ssl-max-ver", true, old_tls},
    {"crl-file", true, "revocation lists of servers are not read"},
    {"curves", true, old_tls},
    {"sigalgs", true, old_tls},
    {"namespace", true, "network namespaces are not entered"},
    {"source", true, "the source address is the system's choice"},
    {"interface", true, nullptr},
    {"socks4", true, "no proxy is used to reach a server"},
    {"redir", true, "requests are not redirected to servers"},
    {"usesrc", true, "the source address is the system's choice"},
    {"ws", true, nullptr},
    {"check", false, nullptr},
    {"check-ssl", false, nullptr},
    {"no-check", false, nullptr},
    {"non-stick", false, nullptr},
    {"tfo", false, nullptr},
    {"stick", false, nullptr},
    {"check-via-socks4", false, nullptr},
    {"allow-0rtt", false, nullptr},
    {"no-tls-tickets", false, nullptr},
    {"no-ssl-reuse", false, nullptr},
    {"force-tlsv12", false, nullptr},
    {"force-tlsv13", false, nullptr},
    {"no-sslv3", false, nullptr},
    {"no-tlsv10", false, nullptr},
    {"no-tlsv11", false, nullptr},
    {"no-agent-check", false, nullptr},
    {"no-send-proxy", false, nullptr},
    {"enabled", false, nullptr},
};

const Option* find_option(const std::string& name) {
  for (const Option& option : options)
    if (option.name == name) return &option;
  return nullptr;
}

struct Settings {
  bool ssl = false, check = false, backup = false, disabled = false, verify = true, h2 = false;
  std::string ca, sni;
};

class Reader {
 public:
  Reader(Context& context, const Section& backend) : context_(context), backend_(backend) {}

  UpstreamDraft read() {
    for (const auto* list : {&backend_.inherited, &backend_.own})
      for (const Directive& directive : *list)
        if (directive.is("default-server")) settings(directive, 1, defaults_);
    for (const Directive& directive : backend_.own)
      if (directive.is("server") || directive.is("server-template")) server(directive);
    if (out_.servers.empty()) take_backups();
    for (const auto& [draft, directive] : backups_)
      context_.ledger.lost(draft.line, "a backup server: Durward has none, it is left out");
    balance();
    health();
    if (out_.servers.empty()) {
      out_.made_up = true;
      out_.servers.push_back({made_up_server(backend_), backend_.line});
    }
    return std::move(out_);
  }

 private:
  // Reads options from word `at` on; says what is lost.
  void settings(const Directive& directive, std::size_t at, Settings& into) {
    const auto lost = [&](std::string why) { context_.ledger.differs(directive.line, std::move(why)); };
    for (; at < directive.words.size(); ++at) {
      const std::string& word = directive.word(at);
      const std::string& next = directive.word(at + 1);
      const Option* known = find_option(word);
      if (word == "ssl")
        into.ssl = true;
      else if (word == "no-ssl")
        into.ssl = false;
      else if (word == "backup")
        into.backup = true;
      else if (word == "disabled")
        into.disabled = true;
      else if (word == "verify" || word == "ca-file" || word == "sni" || word == "verifyhost")
        tls(word, next, into), ++at;
      else if (known == nullptr)
        lost(fmt::format("the option '{}' is not carried", shown(word)));
      else if (known->lost != nullptr)
        lost(fmt::format("{}: {}", word, known->lost));
      into.check = into.check || word == "check";
      if ((word == "proto" && next == "h2") || (word == "alpn" && next.find("h2") == 0)) into.h2 = true;
      if (word == "send-proxy" || word == "send-proxy-v2") context_.ledger.lost(directive.line, known->lost);
      if (known != nullptr && known->takes_word) ++at;
    }
    // Said once for the line, whoever inherits it.
    if (into.ssl && !into.verify)
      lost(
          "verify none: Durward always verifies a server's certificate; name its authority in a Credential "
          "and tls.ca");
  }

  void tls(const std::string& word, const std::string& value, Settings& into) const {
    if (word == "verify") into.verify = value != "none";
    if (word == "ca-file" && value != "@system-ca") into.ca = value;
    if (word == "verifyhost") into.sni = lower_ascii(value);
    if (word != "sni") return;
    if (value.starts_with("str(") && value.ends_with(')'))
      into.sni = lower_ascii(value.substr(4, value.size() - 5));
  }

  void server(const Directive& directive) {
    const bool several = directive.is("server-template");
    const std::size_t address = several ? 3 : 2;
    Settings settings_here = defaults_;
    settings(directive, address + 1, settings_here);
    const auto text = server_address(directive, directive.word(address), settings_here.ssl);
    if (!text) return;
    if (settings_here.disabled) {
      context_.ledger.lost(directive.line, "the server is disabled: it is left out");
      return;
    }
    const ServerDraft draft{*text, directive.line};
    if (several)
      context_.ledger.differs(directive.line, "one server, by its name: HAProxy makes one of each address");
    if (settings_here.backup) {
      backups_.emplace_back(draft, settings_here);
      return;
    }
    add(draft, settings_here);
  }

  void add(const ServerDraft& draft, const Settings& from) {
    if (out_.servers.empty()) {
      out_.tls = from.ssl;
      out_.ca = from.ssl && from.verify ? from.ca : "";
      out_.sni = from.ssl && model::parse_host(from.sni) ? from.sni : "";
      out_.h2 = from.h2;
    } else if (out_.tls != from.ssl) {
      context_.ledger.lost(draft.line,
                           "the servers of an upstream all speak TLS, or none does: it is left out");
      return;
    }
    check_ = check_ || from.check;
    const bool there = std::any_of(out_.servers.begin(), out_.servers.end(),
                                   [&](const ServerDraft& s) { return s.address == draft.address; });
    if (there) context_.ledger.differs(draft.line, "the address is there already: it is named once");
    if (there || out_.servers.size() == model::servers_per_upstream_max) {
      if (there)
        out_.lines.insert(draft.line);
      else
        context_.ledger.lost(draft.line, "the upstream has as many servers as it may");
      return;
    }
    out_.servers.push_back(draft);
  }

  // With nothing but backups, those are the servers.
  void take_backups() {
    for (const auto& [draft, from] : backups_) add(draft, from);
    backups_.clear();
  }

  std::optional<std::string> server_address(const Directive& directive, std::string text, bool ssl) {
    const auto lost = [&](std::string why) {
      context_.ledger.lost(directive.line, std::move(why));
      return std::nullopt;
    };
    for (const auto* prefix : {"ipv4@", "ipv6@", "tcp@", "tcp4@", "tcp6@"})
      if (text.starts_with(prefix)) text.erase(0, std::string_view(prefix).size());
    if (text.starts_with('/') || text.find('@') != std::string::npos)
      return lost("a server is HOST:PORT: sockets of other kinds are not reached");
    const auto colon = text.rfind(':');
    const bool bare_v6 = text.starts_with('[') && text.ends_with(']');
    std::string host = lower_ascii(colon == std::string::npos || bare_v6 ? text : text.substr(0, colon));
    std::string port = colon == std::string::npos || bare_v6 ? "" : text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (port.empty()) {
      number = ssl ? https_port : http_port;
      context_.ledger.differs(
          directive.line,
          fmt::format("no port: HAProxy goes to the one the client asked for, the draft to {}", number));
    } else if (error != std::errc() || end != port.data() + port.size() || number == 0 || number > 65535) {
      return lost(fmt::format("the port '{}' is computed: write the real one", shown(port)));
    }
    const auto address = model::IpAddress::parse(host);
    if (!address && !model::parse_host(host))
      return lost(fmt::format("'{}' is no host name of letters, digits and '-': write a name or an address",
                              shown(host)));
    return address && address->v6 ? fmt::format("[{}]:{}", address->text(), number)
                                  : fmt::format("{}:{}", host, number);
  }

  void balance() {
    const Directive* directive = backend_.last("balance");
    if (directive == nullptr) return;
    const std::string& how = directive->word(1);
    if (how == "leastconn" || how == "source") out_.balance = how;
    if (how == "roundrobin" || how == "static-rr" || !out_.balance.empty())
      out_.lines.insert(directive->line);
    else
      context_.ledger.lost(directive->line,
                           fmt::format("requests are shared out by roundrobin, leastconn or source, "
                                       "not by '{}'",
                                       shown(how)));
  }

  void health() {
    const Directive* option = backend_.last("option", "httpchk");
    if (option == nullptr || !check_) {
      if (check_)
        for (const ServerDraft& server : out_.servers)
          context_.ledger.differs(server.line,
                                  "a check without a request is not carried: give the upstream health.path");
      return;
    }
    const bool with_method = option->words.size() > 3;
    std::string method = with_method ? option->word(2) : "OPTIONS";
    std::string path = option->word(with_method ? 3 : 2);
    for (const Directive& directive : backend_.own) {
      if (!directive.is("http-check", "send")) continue;
      for (std::size_t i = 2; i + 1 < directive.words.size(); ++i) {
        if (directive.word(i) == "uri") path = directive.word(i + 1);
        if (directive.word(i) == "meth") method = directive.word(i + 1);
      }
      out_.lines.insert(directive.line);
    }
    const bool usable =
        path.starts_with('/') && path.size() < model::path_bytes_max &&
        std::all_of(path.begin(), path.end(), [](char c) {
          return c > ' ' && c < 0x7f && std::string_view("\"'\\#{}").find(c) == std::string_view::npos;
        });
    out_.health = usable ? path : "/";
    out_.lines.insert(option->line);
    if (path != out_.health) context_.ledger.differs(option->line, "the draft asks for /");
    if (method != "GET")
      context_.ledger.differs(option->line, fmt::format("asked with GET, not {}", shown(method)));
  }

  Context& context_;
  const Section& backend_;
  Settings defaults_;
  UpstreamDraft out_;
  std::vector<std::pair<ServerDraft, Settings>> backups_;
  bool check_ = false;
};

}  // namespace

std::string made_up_server(const Section& backend) {
  return fmt::format("{}:{}", made_up_host(backend.name), http_port);
}

std::string duration(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return "";
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  static const std::map<std::string_view, std::uint64_t> units{
      {"", 1}, {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  const auto found = units.find(unit);
  const auto max = static_cast<std::uint64_t>(std::chrono::milliseconds(model::time_max).count());
  if (found == units.end() || number == 0 || number > max / found->second) return "";
  number *= found->second;
  for (const auto& [name, size] :
       {std::pair{"d", 86'400'000ULL}, {"h", 3'600'000ULL}, {"m", 60'000ULL}, {"s", 1'000ULL}})
    if (number % size == 0) return fmt::format("{}{}", number / size, name);
  return fmt::format("{}ms", number);
}

UpstreamDraft read_upstream(Context& context, const Section& backend, const std::string& gateway_timeout) {
  UpstreamDraft out = Reader(context, backend).read();
  const Directive* timeout = backend.last("timeout", "server");
  if (timeout == nullptr) return out;
  const std::string text = duration(timeout->word(2));
  if (text == gateway_timeout) {
    context.ledger.carried(timeout->line, "bundle.yaml: Gateway timeouts.server");
  } else if (!text.empty()) {
    out.timeout = text;
    out.lines.insert(timeout->line);
  }
  return out;
}

}  // namespace durward::importer
