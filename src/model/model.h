// The resolved, typed estate: what a bundle says for one environment, with defaults applied, references
// checked and placeholders replaced. Plain values; immutable once built; every user value keeps its span.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/shared_list.h"
#include "base/span.h"

namespace durward::model {

using std::chrono::milliseconds;
using std::chrono::seconds;

// ---- addresses -------------------------------------------------------------------------------------

// An IPv4-mapped IPv6 address is held as IPv4. Bytes in network order; IPv4 uses the first four.
struct IpAddress {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};
  static std::optional<IpAddress> parse(std::string_view text);  // strict; no zone, no port
  std::string text() const;
  auto operator<=>(const IpAddress&) const = default;
};

struct Cidr {
  IpAddress network;
  unsigned prefix = 0;  // in bits of its own family: 1..32 or 1..128
  static std::optional<Cidr> parse(
      std::string_view text);  // bare address = full prefix; /0 and host bits refused
  bool contains(const IpAddress& address) const;
  std::string text() const;
  auto operator<=>(const Cidr&) const = default;
};

// ---- conditions ------------------------------------------------------------------------------------

// Local wall time in `zone`, half-open, may cross midnight (end <= start then means the next day).
struct WeeklyWindow {
  std::uint8_t days = 0;           // bit 0 = Monday … bit 6 = Sunday: the days on which the window begins
  std::uint16_t start_minute = 0;  // 0..1439
  std::uint16_t end_minute = 0;    // 1..1440; less than start_minute = ends the next day
  std::string zone;                // IANA name, known to tzdata
  auto operator<=>(const WeeklyWindow&) const = default;
};

// All that are set must hold. At least one is set.
struct Conditions {
  std::optional<Spanned<int>> acr;           // index into Gateway::acr; means "this level or above"
  std::optional<Spanned<seconds>> auth_age;  // authenticated at most this long ago, inclusive
  std::optional<Spanned<std::vector<WeeklyWindow>>> weekly;  // any of
  std::optional<Spanned<std::vector<Cidr>>> source;          // any of
  SourceSpan span;
};

// ---- who -------------------------------------------------------------------------------------------

enum class Who {
  anyone,     // session or none
  anonymous,  // no session; shuts signed-in people out
  signed_in,  // any session
  roles,      // see Audience
};

// `roles: [a, b]` is any_of; all_of and none_of are words of their own; the lists present must all hold, and
// with Who::roles at least one is not empty. Literals are three-valued (see Tri); someone without a session
// holds no role, known, so `noneOf` alone matches them too.
struct Audience {
  Who who = Who::anyone;
  std::vector<Spanned<std::string>> any_of;
  std::vector<Spanned<std::string>> all_of;
  std::vector<Spanned<std::string>> none_of;
  SourceSpan span;
};

// ---- apps ------------------------------------------------------------------------------------------

// One segment of a path template. `rest` is {**}: only ever last; matches zero or more bytes, slashes too.
struct Segment {
  enum class Kind { literal, param, rest } kind = Kind::literal;
  std::string text;  // the literal's bytes, or the parameter's name
  auto operator<=>(const Segment&) const = default;
};

// "/v1/refunds/{id}" is [lit v1, lit refunds, param id]; "/" is [lit ""]; "/a/" is [lit a, lit ""].
// A path matches when it has as many segments (unless `rest`), literals are equal byte for byte and
// parameters are not empty. "/help/{**}" matches "/help/" and "/help/x/y", not "/help".
struct PathTemplate {
  std::string text;
  std::vector<Segment> segments;
  bool ends_in_rest() const { return !segments.empty() && segments.back().kind == Segment::Kind::rest; }
};

enum class Cors {
  none,
  preflight
};  // preflight: OPTIONS with Origin and Access-Control-Request-Method pass, never with identity

struct Route {
  Spanned<std::string> id;                    // unique in its app
  std::vector<Spanned<std::string>> methods;  // empty = any method; case-sensitive
  Spanned<PathTemplate> path;
  Spanned<std::string> upstream;  // a key of App::upstreams
  Cors cors = Cors::none;
  std::optional<Spanned<milliseconds>> timeout;          // server timeout; else the gateway's
  std::optional<Spanned<std::uint64_t>> max_body_bytes;  // else the gateway's
  bool stream_body = false;                              // bodies of unknown length pass, unbounded
  SourceSpan span;
};

enum class Effect { allow, deny };

struct AccessRule {
  Spanned<std::string> id;  // unique in its app
  Effect effect = Effect::allow;
  Audience audience;
  std::vector<Spanned<std::string>> routes;   // ids; empty = every route of the app
  std::vector<Spanned<std::string>> methods;  // empty = every method
  std::optional<Conditions> when;
  std::optional<Conditions> unless;
  SourceSpan span;
};

enum class Balance { roundrobin, leastconn, source };
enum class UpstreamProtocol { http1, h2 };  // h2 for gRPC

struct Server {
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 0;
};

struct UpstreamTls {
  std::optional<Spanned<std::string>> ca;   // a Credential holding PEM; absent = the system's store
  std::optional<Spanned<std::string>> sni;  // name to send and to verify; absent = the server's host name
};

struct Upstream {
  Spanned<std::string> name;
  std::vector<Spanned<Server>> servers;  // at least one
  std::optional<UpstreamTls> tls;        // absent = clear text
  UpstreamProtocol protocol = UpstreamProtocol::http1;
  Balance balance = Balance::roundrobin;
  std::optional<Spanned<std::string>> health_path;
  SourceSpan span;
};

struct App {
  Spanned<std::string> name;  // unique in the estate, [a-z0-9-]{1,63}
  std::string owner;
  std::map<std::string, std::string> labels;
  std::vector<Spanned<std::string>> hosts;  // lower case, exact, no port; apps may share a host
  std::map<std::string, Upstream> upstreams;
  std::vector<Route> routes;
  std::vector<AccessRule> access;
  SharedList<App> apps;   // children, in the order of the parent's list
  std::string directory;  // where it is declared, relative to the root bundle; "" = the root
  std::vector<Spanned<std::string>> child_paths;  // directories of the children, relative to `directory`
  SourceSpan span;
};

// ---- gateway, identity -----------------------------------------------------------------------------

struct Bind {
  std::string address;  // IPv4 or IPv6 text without brackets
  std::uint16_t port = 0;
};

struct Listener {
  std::vector<Spanned<Bind>> bind;
  std::optional<Spanned<std::string>> certificates;  // a directory of PEM files; set = TLS
  bool redirect_https = false;                       // set = answers every request with a redirect
  bool proxy_protocol = false;                       // expect PROXY v1/v2 from trusted proxies
  SourceSpan span;
};

struct Gateway {
  Spanned<std::string> name;
  std::vector<Listener> listeners;
  Spanned<std::string> login_host;  // lower case
  std::uint16_t public_port = 443;  // the port in URLs people see; from the first TLS bind unless said
  std::vector<Spanned<Cidr>> trusted_proxies;
  std::vector<Spanned<std::string>> acr;  // the ladder, weakest first; level = index
  milliseconds timeout_client{30'000};
  milliseconds timeout_server{30'000};
  milliseconds timeout_connect{5'000};
  milliseconds timeout_tunnel{3'600'000};
  std::uint64_t max_body_bytes = 64ULL << 20;
  seconds lease{60};                              // with Durward gone, everything lapses within this
  std::vector<Spanned<std::string>> child_paths;  // directories of the tree's top level
  SourceSpan span;
};

struct IdentityProvider {
  Spanned<std::string> name;    // [a-z0-9-]{1,63}
  std::string title;            // for the chooser; the name when not said
  Spanned<std::string> issuer;  // https URL (http only on loopback), byte for byte as `iss`
  Spanned<std::string> client_id;
  Spanned<std::string> client_secret;      // names a Credential
  std::optional<Spanned<std::string>> ca;  // names a Credential with PEM; absent = the system's store
  std::vector<std::string> scopes;         // contains openid
  std::string groups_claim = "groups";
  std::string email_claim = "email";
  std::vector<Spanned<std::string>> unique;  // claims declared immutable and unique; always contains "sub"
  std::map<std::string, int> acr;            // the provider's value -> level on Gateway::acr
  seconds idle{1800};
  seconds absolute{36'000};
  seconds refresh{300};  // claims are read again this often, where the provider gives a refresh token
  std::vector<Spanned<std::string>> may_assert_roles;  // patterns with one trailing *; empty = every role
  std::vector<Spanned<std::string>>
      email_domains;  // empty = any; else e-mail from elsewhere counts as unknown
  SourceSpan span;
};

// One way to hold a role.
struct MemberLiteral {
  enum class Kind { group, claim, person } kind = Kind::group;
  std::string claim;           // Kind::claim: the claim's name
  Spanned<std::string> value;  // the group, the claim's value, or the person's verified e-mail (lower case)
};

struct Role {
  Spanned<std::string> name;
  std::vector<MemberLiteral> members;          // any of
  std::vector<Spanned<std::string>> excludes;  // who holds both holds neither
  SourceSpan span;
};

struct Credential {
  Spanned<std::string> name;
  enum class From { file, env } from = From::file;
  Spanned<std::string> source;  // path (absolute, or relative to the root bundle) or variable name
  std::vector<Spanned<std::string>> used_by;  // "idp/corp", "app/*", "app/payments"
  SourceSpan span;
};

struct Model {
  std::string environment;  // the Environment it was resolved for; "" when none is declared
  std::map<std::string, std::string> variables;  // env.<name>
  Gateway gateway;
  std::map<std::string, IdentityProvider> providers;
  std::map<std::string, Role> roles;
  std::map<std::string, Credential> credentials;
  SharedList<App> apps;              // the tree's top level
  std::vector<SourceFilePtr> files;  // owns what spans point into

  // Every app of the tree, parents before children, in declaration order. Valid while the Model lives.
  std::vector<const App*> all_apps() const;
  const App* find_app(std::string_view name) const;
};
using ModelPtr = std::shared_ptr<const Model>;

}  // namespace durward::model
