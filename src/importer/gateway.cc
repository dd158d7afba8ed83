#include "importer/gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/text.h"
#include "importer/upstreams.h"
#include "model/model.h"

namespace durward::importer {
namespace {

constexpr std::size_t binds_max = 64;
constexpr unsigned port_max = 65535;

const std::set<std::string_view>& words_with_argument() {
  static const std::set<std::string_view> words{"crt",
                                                "crt-list",
                                                "ca-file",
                                                "verify",
                                                "alpn",
                                                "npn",
                                                "ciphers",
                                                "ciphersuites",
                                                "ssl-min-ver",
                                                "ssl-max-ver",
                                                "maxconn",
                                                "backlog",
                                                "name",
                                                "mode",
                                                "user",
                                                "group",
                                                "uid",
                                                "gid",
                                                "level",
                                                "process",
                                                "thread",
                                                "interface",
                                                "mss",
                                                "tcp-ut",
                                                "id",
                                                "curves",
                                                "ecdhe",
                                                "sigalgs",
                                                "crl-file",
                                                "ca-ignore-err",
                                                "crt-ignore-err",
                                                "namespace",
                                                "severity-output",
                                                "shards",
                                                "nice",
                                                "proto",
                                                "ca-sign-file",
                                                "ca-sign-pass",
                                                "ca-verify-file",
                                                "tls-ticket-keys",
                                                "client-sigalgs",
                                                "quic-cc-algo",
                                                "nbconn",
                                                "label",
                                                "guid-prefix",
                                                "idle-ping"};
  return words;
}

class Reader {
 public:
  explicit Reader(Context& context) : context_(context) {}

  GatewayDraft read(const std::vector<const Section*>& frontends) {
    for (const Section* frontend : frontends)
      for (const Directive& directive : frontend->own)
        if (directive.is("bind") && directive.words.size() > 1) bind(directive);
    if (out_.tls.empty()) {
      out_.made_up = true;
      out_.tls.push_back({free_address(), 0});
    }
    for (const auto* which : {"client", "server", "connect", "tunnel"}) timeout(frontends, which);
    return std::move(out_);
  }

 private:
  void bind(const Directive& directive) {
    bool ssl = false;
    for (std::size_t at = 2; at < directive.words.size(); ++at) {
      const std::string& word = directive.word(at);
      ssl = ssl || word == "ssl";
      option(directive, word, directive.word(at + 1));
      if (words_with_argument().contains(word)) ++at;
    }
    for (const std::string& text : split(directive.word(1), ',')) address(directive, text, ssl);
    if (!ssl) context_.ledger.differs(directive.line, "answers with a redirect to https: sessions need TLS");
  }

  void option(const Directive& directive, const std::string& word, const std::string& next) {
    const auto differs = [&](std::string how) { context_.ledger.differs(directive.line, std::move(how)); };
    if (word == "crt" || word == "crt-list") {
      const std::string file = shown(next);
      if (std::find(out_.certificates.begin(), out_.certificates.end(), file) == out_.certificates.end())
        out_.certificates.push_back(file);
      differs(fmt::format("put '{}' into the directory certs: chain and key in one PEM file for each name",
                          shown(next)));
    } else if (word == "accept-proxy") {
      differs("accept-proxy: write proxyProtocol: true, and in trustedProxies whose word is believed");
    } else if (word == "verify" && next != "none") {
      differs("clients' certificates come in a later release: people sign in instead");
    } else if (word.starts_with("ssl-m") || word == "ciphers" || word == "ciphersuites" || word == "alpn" ||
               word == "curves") {
      differs(fmt::format("{}: Durward chooses it itself", word));
    } else if (word == "proto" && next == "h2") {
      differs("both versions of HTTP are spoken");
    }
  }

  void address(const Directive& directive, std::string text, bool ssl) {
    const auto lost = [&](std::string why) { context_.ledger.lost(directive.line, std::move(why)); };
    bool v6 = text.starts_with("ipv6@");
    if (text.starts_with("quic")) return lost("HTTP/3 is not spoken");
    for (const auto* prefix : {"ipv4@", "ipv6@", "tcp@", "tcp4@", "tcp6@"})
      if (text.starts_with(prefix)) text.erase(0, std::string_view(prefix).size());
    if (text.starts_with('/') || text.find('@') != std::string::npos)
      return lost("a listener is ADDRESS:PORT: sockets of other kinds are not opened");
    const auto colon = text.rfind(':');
    std::string host = colon == std::string::npos ? text : text.substr(0, colon);
    const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.find(':') != std::string::npos) v6 = true;
    if (host.empty() || host == "*") host = v6 ? "::" : "0.0.0.0";
    const auto known = model::IpAddress::parse(host);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    const bool fine =
        error == std::errc() && end == port.data() + port.size() && number > 0 && number <= port_max;
    if (!known || !fine) return lost(fmt::format("'{}' is not one address with one port", shown(text)));
    add(directive,
        known->v6 ? fmt::format("[{}]:{}", known->text(), number) : fmt::format("{}:{}", host, number), ssl);
  }

  void add(const Directive& directive, const std::string& text, bool ssl) {
    if (!seen_.insert(text).second) {
      context_.ledger.lost(directive.line, fmt::format("{} is listened on already", text));
      return;
    }
    if (seen_.size() > binds_max) {
      context_.ledger.lost(directive.line, "a gateway has as many addresses as it may");
      return;
    }
    (ssl ? out_.tls : out_.plain).push_back({text, directive.line});
  }

  std::string free_address() const {
    for (const auto* text : {"0.0.0.0:443", "0.0.0.0:8443", "0.0.0.0:9443"})
      if (!seen_.contains(text)) return text;
    return "0.0.0.0:10443";
  }

  // Of the first frontend that says it; the others may differ.
  void timeout(const std::vector<const Section*>& frontends, const std::string& which) {
    for (const Section* frontend : frontends) {
      const Directive* directive = frontend->last("timeout", which);
      const std::string text = directive == nullptr ? "" : duration(directive->word(2));
      if (text.empty()) continue;
      const auto there = out_.timeouts.find(which);
      if (there == out_.timeouts.end()) {
        out_.timeouts[which] = text;
        out_.timeout_lines[which] = directive->line;
      } else if (there->second == text) {
        context_.ledger.carried(directive->line, "bundle.yaml: Gateway timeouts." + which);
      } else {
        context_.ledger.lost(directive->line, fmt::format("the gateway has one for all: {}", there->second));
      }
    }
  }

  Context& context_;
  GatewayDraft out_;
  std::set<std::string> seen_;
};

}  // namespace

bool speaks_tls(const Section& frontend) {
  return std::any_of(frontend.own.begin(), frontend.own.end(), [](const Directive& directive) {
    return directive.is("bind") && std::any_of(directive.words.begin() + 1, directive.words.end(),
                                               [](const Word& word) { return word.text == "ssl"; });
  });
}

GatewayDraft read_gateway(Context& context, const std::vector<const Section*>& frontends) {
  return Reader(context).read(frontends);
}

}  // namespace durward::importer
