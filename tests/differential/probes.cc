#include "probes.h"

#include <fmt/format.h>

#include <algorithm>

namespace durward::differential {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using std::chrono::sys_seconds;
using testing::Words;

constexpr std::array idle_lifetimes{900s, 1800s};  // two session tables
constexpr std::size_t token_letters = 43;
constexpr auto spread_max = std::chrono::days(300);  // facts are written for a year

std::string target(const Probe& probe) {
  return probe.request.path + probe.query;
}

}  // namespace

std::string plain_host(const std::string& host) {
  std::string out = lower_ascii(host.substr(0, host.find(':')));
  if (out.ends_with('.')) out.pop_back();
  return out;
}

std::string h1_bytes(const Probe& probe) {
  std::string out =
      fmt::format("{} {} HTTP/1.1\r\nhost: {}\r\n", probe.request.method, target(probe), probe.host);
  for (const auto& [name, value] : probe.fields) out += name + ": " + value + "\r\n";
  if (probe.request.method == "POST") out += "content-length: 0\r\n";
  return out + "\r\n";
}

H2Request h2_request(const Probe& probe) {
  return {probe.request.method, probe.host, target(probe), probe.fields};
}

std::string as_curl(const Probe& probe) {
  std::string out = fmt::format("curl --path-as-is {} -X '{}'", probe.h2 ? "--http2 -k" : "--http1.1",
                                probe.request.method);
  for (const auto& [name, value] : probe.fields) out += fmt::format(" -H '{}: {}'", name, value);
  if (probe.h2 && probe.sni == plain_host(probe.host))
    return out + fmt::format(" 'https://{}{}'", probe.host, target(probe));
  return out + fmt::format(" -H 'host: {}' '{}://{}{}'", probe.host, probe.h2 ? "https" : "http",
                           probe.h2 ? probe.sni.empty() ? "127.0.0.1" : probe.sni : "127.0.0.1",
                           target(probe));
}

void serve_at(model::Model& estate, const Ports& ports) {
  model::Listener plain, tls;
  plain.bind = {testing::spanned(model::Bind{"127.0.0.1", ports.plain})};
  plain.span = testing::next_span();
  tls.bind = {testing::spanned(model::Bind{"127.0.0.1", ports.tls})};
  tls.certificates = testing::spanned(std::string("certs"));
  tls.span = testing::next_span();
  estate.gateway.listeners = {plain, tls};
  estate.gateway.lease = std::chrono::days(400);  // the time is moved by months
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
    estate.providers.insert_or_assign(provider.name.value, provider);
    model::Credential secret;
    secret.name = testing::spanned(fmt::format("secret{}", i));
    secret.source = testing::spanned(std::string("/dev/null"));
    secret.used_by = testing::spanned_words({fmt::format("idp/idp{}", i)});
    secret.span = secret.name.span;
    estate.credentials.insert_or_assign(secret.name.value, secret);
  }
  for (std::size_t i = 0; i < estate.apps.size(); ++i)
    for (auto& [name, upstream] : estate.apps.own(i).upstreams)
      upstream.servers.front().value.port = ports.upstream;
}

session::HostSession host_session(const model::Subject& subject, const std::string& host,
                                  const std::string& token, sys_seconds end, bool bearer) {
  session::HostSession out;
  out.key = session::session_key(host, token);
  out.table = token.front();
  out.login = "0123456789abcdefghijkl";
  out.host = host;
  out.kind = bearer ? session::Kind::bearer : session::Kind::browser;
  out.created = end - 10h;
  out.absolute_end = end;
  out.idle = bearer ? 0s : idle_lifetimes[static_cast<std::size_t>(token.front() - 'a')];
  out.subject = subject;
  return out;
}

Probe ProbeMaker::make(const testing::RandomProbe& suggested, sys_seconds at) {
  Probe probe = make(suggested, at, "", false);
  if (probe.subject.auth_time && random_.chance(8)) *probe.subject.auth_time -= 2h;
  if (probe.subject.signed_in) open_session(probe);
  return probe;
}

Probe ProbeMaker::make(const testing::RandomProbe& suggested, sys_seconds at, const std::string& token,
                       bool bearer) {
  Probe probe;
  probe.request = suggested.request;
  probe.subject = suggested.subject;
  if (probe.subject.auth_time) *probe.subject.auth_time += at - suggested.request.at;
  probe.request.at = at;
  twist(probe.request);
  probe.query = random_.chance(10) ? "?q=/a/../b;c" : "";
  probe.fields = {{"accept", "application/json"}};
  come_from(probe);
  send_as(probe);
  if (!token.empty()) carry(probe, token, bearer);
  return probe;
}

// Two in five over HTTP/2; now and then on a connection that was opened for another name, or for none.
void ProbeMaker::send_as(Probe& probe) {
  probe.h2 = random_.chance(40);
  probe.host = probe.request.host;
  // HAProxy 3.0 reads a lone '*' over HTTP/2 as '/', as for OPTIONS.
  if (probe.request.path == "*") probe.h2 = false;
  if (!probe.h2) return;
  // HAProxy takes away an empty port, which means none, before any rule can see it.
  if (probe.request.host.ends_with(':')) probe.request.host.pop_back();
  probe.sni = plain_host(probe.request.host);
  if (random_.chance(4)) probe.sni = random_.pick(Words{"", "a.test", "b.test", "A.test"});
  // What no client could put into a handshake goes without.
  if (probe.sni.find("..") != std::string::npos || probe.sni.starts_with('-')) probe.sni.clear();
}

// What the estate's generator does not vary.
void ProbeMaker::twist(policy::Request& request) {
  if (random_.chance(4))
    request.method = random_.pick(Words{"OPTIONS", "TRACE", "M-SEARCH", "BREW", "Get", "HEAD", "PATCH"});
  if (random_.chance(3))
    request.host = random_.pick(Words{"a..test", "-a.test", "a_b.test", "a.test:0", "a.test.:80", "A.TEST",
                                      "a.test:", "a.test:123456", "nobody.test", "a.tes", "xa.test"});
  const unsigned roll = random_.below(100);
  if (roll < 2)
    request.path += random_.pick(Words{"%2Fa", "%2e", "/%2e%2e", "%25", "%00", "%41", "%zz", "%"});
  if (roll >= 2 && roll < 4)
    request.path += random_.pick(Words{"%3bx", "%3B", "[1]", "'", "%5B", "%20", "%E2%82%AC", "!$&'()*+,=:@"});
  if (roll >= 4 && roll < 6)
    request.path += random_.pick(Words{"/", "//", "/a", "/.", "/..", "/a/b/c/d/e/f/g/h/i", ";v=1", "^", "|"});
  if (roll == 6) request.path = random_.pick(Words{"*", "/", "//", "/^GET^", "/a/^", "/|", "/.durward/x"});
  if (roll >= 7 && roll < 14) misspell(request.path);
}

// Right beside a route: a segment more or less, a letter more or less, of another case.
void ProbeMaker::misspell(std::string& path) {
  const auto at = random_.below(static_cast<unsigned>(path.size()));
  switch (random_.below(6)) {
    case 0:
      path[at] = path[at] >= 'a' && path[at] <= 'z' ? static_cast<char>(path[at] - 'a' + 'A') : path[at];
      return;
    case 1:
      path.resize(std::max<std::size_t>(1, path.rfind('/')));
      return;
    case 2:
      path.pop_back();
      if (path.empty()) path = "/";
      return;
    case 3:
      path += 'x';
      return;
    case 4:
      path.insert(0, "/a");
      return;
    default:
      path.insert(at, random_.pick(Words{"/", "a", ".", "%20", "_"}));
      if (path.front() != '/') path.insert(0, "/");
  }
}

std::string ProbeMaker::token() {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out(1, static_cast<char>('a' + random_.below(idle_lifetimes.size())));
  for (std::size_t i = 0; i < token_letters; ++i)
    out += alphabet[random_.below(static_cast<unsigned>(alphabet.size()))];
  return out;
}

// Most often a good one; else one that the store does not know, or of another host, or about to end.
void ProbeMaker::open_session(Probe& probe) {
  const std::string secret = token();
  const bool bearer = random_.chance(30);
  const unsigned fate = random_.below(100);
  const sys_seconds at = probe.request.at;
  if (fate >= 4) {
    const bool here = fate >= 8;
    const sys_seconds end = random_.chance(8) ? at + seconds(random_.below(3)) - 1s : at + 1h;
    if (here) probe.ends = end;
    probe.session = host_session(probe.subject, here ? plain_host(probe.request.host) : "elsewhere.test",
                                 secret, end, bearer);
  }
  carry(probe, secret, bearer);
}

void ProbeMaker::carry(Probe& probe, const std::string& secret, bool bearer) {
  if (bearer) {
    const auto scheme = random_.pick(Words{"Bearer", "Bearer", "bearer", "BEARER"});
    probe.fields.emplace_back("authorization", scheme + " dwt_" + secret);
    return;
  }
  std::vector<std::string> crumbs{"__Host-durward=" + secret};
  if (random_.chance(30)) crumbs.insert(crumbs.begin(), "a=1");
  if (random_.chance(30)) crumbs.push_back("b=2");
  // HTTP/2 may send each cookie in a field of its own; whoever receives them joins them.
  if (probe.h2 && random_.chance(50)) {
    for (const auto& crumb : crumbs) probe.fields.emplace_back("cookie", crumb);
  } else {
    probe.fields.emplace_back("cookie", join(crumbs, "; "));
  }
}

// Each third comes straight from here: what a proxy says of its client is nothing for the short way
// (generation/fast_rules.cc), which has to be judged as well.
void ProbeMaker::come_from(Probe& probe) {
  const std::string addresses = forwarded(probe.request);
  if (++made_ % 3 == 0)
    probe.request.source = model::IpAddress::parse("127.0.0.1");
  else
    probe.fields.emplace_back("x-forwarded-for", addresses);
}

// An IPv4 client may come as an IPv4-mapped IPv6 one. Only the last address counts.
std::string ProbeMaker::forwarded(const policy::Request& request) {
  std::string address = request.source->text();
  if (!request.source->v6 && random_.chance(10)) address = "::ffff:" + address;
  return random_.chance(10) ? "10.1.2.3, " + address : address;
}

Scenario scenario(testing::RandomEstates& random, const Ports& ports, unsigned moments, unsigned probes) {
  Scenario out;
  model::Model estate = random.estate();
  serve_at(estate, ports);
  std::vector<sys_seconds> instants{random.probe(estate).request.at};
  while (instants.size() < moments) {
    const sys_seconds next = random.probe(estate).request.at;
    if (std::chrono::abs(next - instants.front()) < spread_max / 2) instants.push_back(next);
  }
  std::sort(instants.begin(), instants.end());
  ProbeMaker maker(random);
  for (const sys_seconds at : instants) {
    Moment moment{at, {}};
    for (unsigned i = 0; i < probes; ++i)
      moment.probes.push_back(maker.make(random.probe(estate), at + seconds(random.below(3)) - 1s));
    std::stable_sort(moment.probes.begin(), moment.probes.end(),
                     [](const Probe& a, const Probe& b) { return a.request.at < b.request.at; });
    out.moments.push_back(std::move(moment));
  }
  out.model = testing::shared(std::move(estate));
  return out;
}

}  // namespace durward::differential
