#include "probes.h"

#include <fmt/format.h>

namespace durward::differential {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using std::chrono::sys_seconds;
using testing::Words;

constexpr std::array idle_lifetimes{900s, 1800s};  // two session tables
constexpr std::size_t token_letters = 43;

void serve_at(model::Model& estate, const Ports& ports) {
  model::Listener listener;
  listener.bind = {testing::spanned(model::Bind{"127.0.0.1", ports.listener})};
  listener.span = testing::next_span();
  estate.gateway.listeners = {listener};
  estate.gateway.trusted_proxies = {testing::spanned(testing::cidr("127.0.0.1"))};
  for (std::size_t i = 0; i < idle_lifetimes.size(); ++i) {
    model::IdentityProvider provider;
    provider.name = testing::spanned(fmt::format("idp{}", i));
    provider.issuer = testing::spanned(fmt::format("https://id{}.test", i));
    provider.client_id = testing::spanned(std::string("durward"));
    provider.client_secret = testing::spanned(fmt::format("secret{}", i));
    provider.scopes = {"openid"};
    provider.unique = {testing::spanned(std::string("sub"))};
    provider.idle = idle_lifetimes[i];
    provider.span = provider.name.span;
    estate.providers.emplace(provider.name.value, provider);
    model::Credential secret;
    secret.name = testing::spanned(fmt::format("secret{}", i));
    secret.source = testing::spanned(std::string("/dev/null"));
    secret.used_by = testing::spanned_words({fmt::format("idp/idp{}", i)});
    secret.span = secret.name.span;
    estate.credentials.emplace(secret.name.value, secret);
  }
  for (auto& app : estate.apps)
    for (auto& [name, upstream] : app.upstreams) upstream.servers.front().value.port = ports.upstream;
}

class ProbeMaker {
 public:
  ProbeMaker(testing::RandomEstates& random, Scenario& out) : random_(random), out_(out) {}

  void add() {
    const testing::RandomProbe suggested = random_.probe(*out_.model);
    Probe probe{.request = suggested.request, .subject = suggested.subject, .ends = {}, .bytes = {}};
    if (probe.subject.auth_time) *probe.subject.auth_time += out_.at - suggested.request.at;
    if (probe.subject.auth_time && random_.chance(8)) *probe.subject.auth_time -= 2h;
    twist(probe.request);
    std::string credentials;
    if (probe.subject.signed_in) credentials = open_session(probe);
    const std::string query = random_.chance(10) ? "?q=/a/../b;c" : "";
    probe.bytes = fmt::format(
        "{} {}{} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nX-Forwarded-For: {}\r\n{}{}\r\n",
        probe.request.method, probe.request.path, query, probe.request.host, forwarded(probe.request),
        credentials, probe.request.method == "POST" ? "Content-Length: 0\r\n" : "");
    out_.probes.push_back(std::move(probe));
  }

 private:
  // What the estate's generator does not vary.
  void twist(policy::Request& request) {
    if (random_.chance(4))
      request.method = random_.pick(Words{"OPTIONS", "TRACE", "M-SEARCH", "BREW", "Get", "HEAD", "PATCH"});
    if (random_.chance(3))
      request.host = random_.pick(Words{"a..test", "-a.test", "a_b.test", "a.test:0", "a.test.:80", "A.TEST",
                                        "a.test:", "a.test:123456", "nobody.test"});
    const unsigned roll = random_.below(100);
    if (roll < 3)
      request.path += random_.pick(Words{"%2Fa", "%2e", "/%2e%2e", "%25", "%00", "%41", "%zz", "%"});
    if (roll >= 3 && roll < 6)
      request.path +=
          random_.pick(Words{"%3bx", "%3B", "[1]", "'", "%5B", "%20", "%E2%82%AC", "!$&'()*+,=:@"});
    if (roll >= 6 && roll < 9)
      request.path +=
          random_.pick(Words{"/", "//", "/a", "/.", "/..", "/a/b/c/d/e/f/g/h/i", ";v=1", "^", "|"});
    if (roll >= 9 && roll < 12) request.path[request.path.size() - 1] = 'A';
    if (roll == 12) request.path = random_.pick(Words{"*", "/", "//", "/^GET^", "/a/^", "/|", "/.durward/x"});
  }

  std::string token() {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out(1, static_cast<char>('a' + random_.below(idle_lifetimes.size())));
    for (std::size_t i = 0; i < token_letters; ++i)
      out += alphabet[random_.below(static_cast<unsigned>(alphabet.size()))];
    return out;
  }

  // The header lines that carry it.
  std::string open_session(Probe& probe) {
    const std::string secret = token();
    const bool bearer = random_.chance(30);
    const unsigned fate = random_.below(100);
    if (fate >= 4) {
      std::string host = lower_ascii(probe.request.host.substr(0, probe.request.host.find(':')));
      if (host.ends_with('.')) host.pop_back();
      const sys_seconds end = random_.chance(10) ? out_.at + seconds(random_.below(3)) - 1s : out_.at + 1h;
      if (fate >= 8) probe.ends = end;  // else it belongs to another host
      add_session(probe.subject, fate >= 8 ? host : "elsewhere.test", secret, end, bearer);
    }
    if (bearer) return fmt::format("Authorization: Bearer dwt_{}\r\n", secret);
    return fmt::format("Cookie: {}__Host-durward={}{}\r\n", random_.chance(30) ? "a=1; " : "", secret,
                       random_.chance(30) ? "; b=2" : "");
  }

  void add_session(const model::Subject& subject, const std::string& host, const std::string& secret,
                   sys_seconds end, bool bearer) {
    session::HostSession session;
    session.key = session::session_key(host, secret);
    session.table = secret.front();
    session.login = "0123456789abcdefghijkl";
    session.host = host;
    session.kind = bearer ? session::Kind::bearer : session::Kind::browser;
    session.created = end - 10h;
    session.absolute_end = end;
    session.idle = bearer ? 0s : idle_lifetimes[static_cast<std::size_t>(secret.front() - 'a')];
    session.subject = subject;
    out_.sessions.push_back(std::move(session));
  }

  // An IPv4 client may come as an IPv4-mapped IPv6 one. Only the last address counts.
  std::string forwarded(const policy::Request& request) {
    std::string address = request.source->text();
    if (!request.source->v6 && random_.chance(10)) address = "::ffff:" + address;
    return random_.chance(10) ? "10.1.2.3, " + address : address;
  }

  testing::RandomEstates& random_;
  Scenario& out_;
};

}  // namespace

Scenario scenario(testing::RandomEstates& random, const Ports& ports, unsigned probes) {
  Scenario out;
  model::Model estate = random.estate();
  serve_at(estate, ports);
  out.at = random.probe(estate).request.at;
  out.model = testing::shared(std::move(estate));
  ProbeMaker maker(random, out);
  for (unsigned i = 0; i < probes; ++i) maker.add();
  return out;
}

}  // namespace durward::differential
