// Random estates, people and requests, for differential tests. Equal seeds give equal sequences on every
// machine.
//
// The estates pass the model's own checks: no address-only allow, no anonymous with acr or authAge, authAge
// only as an upper bound, no two routes that take one request. Every kind of rule and condition occurs, and
// between a third and two thirds of the requests that find a route are allowed.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "policy/evaluate.h"
#include "policy/window.h"
#include "testing/model_builder.h"

namespace durward::testing {

struct RandomProbe {
  model::Subject subject;
  policy::Request request;
};

class RandomEstates {
 public:
  explicit RandomEstates(std::uint64_t seed) : engine_(seed) {}

  // A whole estate: gateway with ladder and login host, roles, apps. Listeners, providers and the servers'
  // ports (127.0.0.1:8000) are for the caller to fill in.
  model::Model estate() {
    model::Model out = testing::estate({});
    while (out.gateway.acr.size() > 1 && chance(15)) out.gateway.acr.pop_back();
    levels_ = static_cast<int>(out.gateway.acr.size());
    for (const char* name : k_roles) {
      model::Role role;
      role.name = spanned(std::string(name));
      role.members = {{model::MemberLiteral::Kind::group, "", spanned(std::string(name))}};
      role.span = role.name.span;
      out.roles.emplace(name, role);
    }
    taken_.clear();
    const unsigned apps = 1 + below(3);
    for (unsigned i = 0; i < apps; ++i) out.apps.push_back(random_app(i));
    return out;
  }

  // The last estate after somebody's edits: rules and routes come, go and change, now and then a whole app.
  model::Model changed(model::Model estate) {
    const unsigned edits = 1 + below(3);
    for (unsigned i = 0; i < edits; ++i)
      edit(estate.apps.own(below(static_cast<unsigned>(estate.apps.size()))));
    return estate;
  }

  // Somebody asking for something; mostly near the edges that the estate's rules draw.
  RandomProbe probe(const model::Model& estate) {
    Landmarks marks = landmarks(estate);
    RandomProbe out;
    out.request.at = some_instant(marks);
    out.subject = some_subject(estate, marks, out.request.at);
    out.request.source = some_source(marks);
    const auto [app, route] = pick(marks.routes);
    out.request.host = some_host(app->hosts);
    out.request.path = some_path(route->path.value);
    out.request.method = some_method(*route);
    return out;
  }

  unsigned below(unsigned bound) { return static_cast<unsigned>(engine_() % bound); }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class T>
  T pick(const std::vector<T>& items) {
    return items[below(static_cast<unsigned>(items.size()))];
  }

 private:
  using sys_seconds = std::chrono::sys_seconds;
  using seconds = std::chrono::seconds;

  static constexpr std::array k_roles{"r0", "r1", "r2", "r3", "r4", "r5"};
  static constexpr sys_seconds k_epoch{seconds(1'780'000'000)};  // May 2026

  // ---- estates

  Words some_of(const Words& items, unsigned least, unsigned most) {
    std::set<std::string> out;
    const unsigned count = least + below(most - least + 1);
    while (out.size() < count) out.insert(pick(items));
    return {out.begin(), out.end()};
  }
  Words some_roles(unsigned least, unsigned most) {
    return some_of({k_roles.begin(), k_roles.end()}, least, most);
  }

  model::App random_app(unsigned number) {
    model::App out =
        app("app" + std::to_string(number), some_of({"a.test", "b.test", "c.test"}, 1, 2), {}, {});
    const unsigned routes = 1 + below(5);
    for (unsigned i = 0; i < routes; ++i) add_routes(out, "route" + std::to_string(out.routes.size()));
    if (out.routes.empty()) {  // every path tried was taken
      out.routes.push_back(route("own", "/own-" + out.name.value));
    }
    Words ids;
    for (const auto& r : out.routes) ids.push_back(r.id.value);
    const unsigned rules = 1 + below(5);
    for (unsigned i = 0; i < rules; ++i) out.access.push_back(random_rule("rule" + std::to_string(i), ids));
    if (chance(55)) out.access.push_back(allow("base").signed_in());
    return out;
  }

  void edit(model::App& of) {
    const unsigned roll = below(100);
    Words ids;
    for (const auto& r : of.routes) ids.push_back(r.id.value);
    const auto at = of.access.empty() ? 0 : below(static_cast<unsigned>(of.access.size()));
    if (roll < 35 && !of.access.empty()) {
      of.access[at] = random_rule(of.access[at].id.value, ids);
    } else if (roll < 50 && !of.access.empty()) {
      of.access.erase(of.access.begin() + at);
    } else if (roll < 70) {
      of.access.push_back(random_rule("more" + std::to_string(++edits_), ids));
    } else if (roll < 80) {
      add_routes(of, "new" + std::to_string(++edits_));
    } else if (roll < 90 && of.routes.size() > 1) {
      drop_route(of, below(static_cast<unsigned>(of.routes.size())));
    } else {
      const std::string name = of.name.value;
      of = random_app(++edits_ + 100);
      of.name.value = name;
    }
  }

  static void drop_route(model::App& of, unsigned at) {
    const std::string id = of.routes[at].id.value;
    of.routes.erase(of.routes.begin() + at);
    std::erase_if(of.access, [&](model::AccessRule& rule) {
      const auto gone = std::erase_if(rule.routes, [&](const auto& named) { return named.value == id; });
      return gone > 0 && rule.routes.empty();
    });
  }

  std::string some_template() {
    std::string out;
    const unsigned segments = 1 + below(3);
    for (unsigned i = 0; i < segments; ++i)
      out += chance(30) ? "/{p" + std::to_string(i) + "}" : "/" + pick(Words{"a", "b", "admin"});
    if (chance(30)) return out + "/{**}";
    if (chance(10)) return out + "/";
    if (chance(5)) return "/";
    return chance(5) ? "/{**}" : out;
  }

  // One route, or two of one shape that share the methods between them.
  void add_routes(model::App& to, const std::string& id) {
    const std::string path = some_template();
    if (!claim(to, path)) return;
    if (chance(20)) {
      const auto [first, second] = pick(std::vector<std::pair<Words, Words>>{
          {{"GET"}, {"HEAD"}}, {{"GET"}, {"POST", "PUT"}}, {{"GET", "POST"}, {"HEAD", "DELETE"}}});
      to.routes.push_back(route(id, path, first));
      to.routes.push_back(route(id + "x", path, second));
      return;
    }
    to.routes.push_back(
        route(id, path, chance(40) ? Words{} : some_of({"GET", "POST", "PUT", "DELETE", "HEAD"}, 1, 3)));
  }

  bool claim(const model::App& owner, const std::string& path) {
    std::string shape;
    for (const auto& segment : path_template(path).segments)
      shape += segment.kind == model::Segment::Kind::literal ? "/" + segment.text
               : segment.kind == model::Segment::Kind::param ? "/{}"
                                                             : "/{**}";
    for (const auto& host : owner.hosts)
      if (taken_.contains(host.value + shape)) return false;
    for (const auto& host : owner.hosts) taken_.insert(host.value + shape);
    return true;
  }

  model::AccessRule random_rule(const std::string& id, const Words& route_ids) {
    const bool is_allow = chance(75);
    Rule rule = is_allow ? allow(id) : deny(id);
    const model::Who who = some_audience(rule, is_allow);
    if (chance(is_allow ? 50 : 70))
      rule.on(some_of(route_ids, 1, std::min<unsigned>(2, static_cast<unsigned>(route_ids.size()))));
    if (chance(25)) rule.methods(some_of({"GET", "POST", "PUT", "HEAD", "PATCH"}, 1, 2));
    if (chance(is_allow ? 55 : 50)) {
      if (const auto when = some_conditions(who, is_allow, is_allow)) rule.when(*when);
    }
    if (chance(is_allow ? 35 : 60)) {
      if (const auto unless = some_conditions(who, is_allow, !is_allow)) rule.unless(*unless);
    }
    return rule;
  }

  model::Who some_audience(Rule& rule, bool is_allow) {
    const unsigned roll = below(100);
    if (roll < 15) return model::Who::anyone;
    if (roll < (is_allow ? 20U : 25U)) {
      rule.anonymous();
      return model::Who::anonymous;
    }
    if (roll < 35) {
      rule.signed_in();
      return model::Who::signed_in;
    }
    const unsigned lists = 1 + below(7);  // bits: any, all, none
    const unsigned most = is_allow ? 3 : 2;
    if ((lists & 1U) != 0) rule.any_of(some_roles(1, most));
    if ((lists & 2U) != 0) rule.all_of(some_roles(1, 2));
    if ((lists & 4U) != 0) rule.none_of(some_roles(1, 2));
    return model::Who::roles;
  }

  std::optional<model::Conditions> some_conditions(model::Who who, bool is_allow, bool age_is_upper_bound) {
    If out;
    bool any = false;
    const bool login = who != model::Who::anonymous;
    const bool address_alone = is_allow && (who == model::Who::anonymous || who == model::Who::anyone);
    const auto add = [&](unsigned percent, auto&& set) {
      if (!chance(percent)) return;
      set();
      any = true;
    };
    if (login) add(35, [&] { out.acr(static_cast<int>(below(static_cast<unsigned>(levels_)))); });
    if (login && age_is_upper_bound)
      add(40, [&] { out.age(seconds(pick(std::vector<int>{60, 300, 900, 900, 3600}))); });
    add(40, [&] { out.weekly(some_windows()); });
    if (!address_alone) add(35, [&] { out.source(some_networks()); });
    if (!any) return std::nullopt;
    return out;
  }

  std::vector<model::WeeklyWindow> some_windows() {
    std::vector<model::WeeklyWindow> out;
    const unsigned count = chance(80) ? 1 : 2;
    while (out.size() < count) {
      const unsigned start = below(96) * 15;
      const unsigned end = chance(15) ? 1440 : (1 + below(96)) * 15;
      if (start == end) continue;
      const auto days = static_cast<std::uint8_t>(chance(40) ? every_day : 1 + below(127));
      out.push_back(window(
          days, start, end,
          pick(Words{"UTC", "Europe/Berlin", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"})));
    }
    return out;
  }

  Words some_networks() {
    return some_of({"10.0.0.0/8", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.128.0.0/9",
                    "192.168.0.0/16", "203.0.113.7", "2001:db8::/32", "2001:db8:1::/48", "2001:db8::1"},
                   1, 3);
  }

  // ---- requests

  struct Landmarks {
    std::vector<std::pair<const model::App*, const model::Route*>> routes;
    std::vector<model::WeeklyWindow> windows;
    std::vector<model::Cidr> networks;
    std::vector<seconds> ages;
  };

  static Landmarks landmarks(const model::Model& estate) {
    Landmarks out;
    for (const model::App* a : estate.all_apps()) {
      for (const auto& r : a->routes) out.routes.emplace_back(a, &r);
      for (const auto& rule : a->access) {
        for (const auto* asked : {&rule.when, &rule.unless}) {
          if (!*asked) continue;
          const model::Conditions& c = **asked;
          if (c.weekly) out.windows.insert(out.windows.end(), c.weekly->value.begin(), c.weekly->value.end());
          if (c.source)
            out.networks.insert(out.networks.end(), c.source->value.begin(), c.source->value.end());
          if (c.auth_age) out.ages.push_back(c.auth_age->value);
        }
      }
    }
    return out;
  }

  // A second before, at, or after.
  seconds nudge() { return seconds(static_cast<int>(below(3)) - 1); }

  sys_seconds some_instant(const Landmarks& marks) {
    const sys_seconds any = k_epoch + seconds(below(366U * 86'400U));
    if (marks.windows.empty() || chance(30)) return any;
    return policy::next_change(pick(marks.windows), any) + nudge();
  }

  model::Subject some_subject(const model::Model& estate, const Landmarks& marks, sys_seconds at) {
    if (chance(20)) return nobody();
    Person person;
    for (const auto& [name, role] : estate.roles) {
      if (chance(52)) {
        person.roles.push_back(name);
      } else if (chance(8)) {
        person.unknown.push_back(name);
      }
    }
    person.acr = static_cast<int>(below(static_cast<unsigned>(estate.gateway.acr.size()) + 1)) - 1;
    if (chance(35)) person.acr = static_cast<int>(estate.gateway.acr.size()) - 1;
    if (marks.ages.empty() || chance(50)) {
      person.auth_time = at - seconds(below(500));
    } else {
      person.auth_time = at - (pick(marks.ages) + nudge());
    }
    if (chance(6)) person.auth_time.reset();
    return testing::subject(person);
  }

  model::IpAddress some_source(const Landmarks& marks) {
    if (marks.networks.empty() || chance(15))
      return address(pick(Words{"10.1.2.3", "198.51.100.1", "2001:db8::5", "::1"}));
    const model::Cidr network = pick(marks.networks);
    model::IpAddress edge = network.network;
    if (chance(50)) {
      step(edge, chance(50) ? 0 : -1);
      return edge;
    }
    for (unsigned bit = network.prefix; bit < bits(edge); ++bit)
      edge.bytes[bit / 8] = static_cast<std::uint8_t>(edge.bytes[bit / 8] | (0x80U >> bit % 8));
    step(edge, chance(50) ? 0 : 1);
    return edge;
  }

  static unsigned bits(const model::IpAddress& a) { return a.v6 ? 128 : 32; }

  // The next or the previous address; wraps within the family.
  static void step(model::IpAddress& a, int by) {
    for (unsigned i = bits(a) / 8; by != 0 && i-- > 0;) {
      const int sum = a.bytes[i] + by;
      a.bytes[i] = static_cast<std::uint8_t>(sum);
      by = sum < 0 ? -1 : sum > 255 ? 1 : 0;
    }
  }

  std::string some_host(const std::vector<Spanned<std::string>>& hosts) {
    std::string out = pick(hosts).value;
    if (chance(3)) return "nowhere.test";
    if (chance(5)) out[0] = static_cast<char>(out[0] - 'a' + 'A');
    if (chance(5)) out += '.';
    if (chance(5)) out += ":8443";
    return out;
  }

  std::string some_path(const model::PathTemplate& path) {
    if (chance(4))
      return pick(Words{"/a//b", "/a/../b", "/%61", "/a%2fb", "/a;x", "/caf%c3%a9", "/a/b/a/b/a"});
    const Words words{"a", "b", "admin", "x", "17", "~me", "a%20b"};
    std::string out;
    for (const auto& segment : path.segments) {
      out += '/';
      if (segment.kind == model::Segment::Kind::literal) out += segment.text;
      if (segment.kind == model::Segment::Kind::param) out += pick(words);
      if (segment.kind == model::Segment::Kind::rest && chance(70))
        out += pick(words) + (chance(30) ? "/" + pick(words) : "");
    }
    if (chance(3)) out += out.ends_with('/') ? "a" : "/";
    return out;
  }

  std::string some_method(const model::Route& of) {
    if (!of.methods.empty() && chance(85)) return pick(of.methods).value;
    return pick(Words{"GET", "GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "get"});
  }

  std::mt19937_64 engine_;
  std::set<std::string> taken_;
  int levels_ = 1;
  unsigned edits_ = 0;
};

}  // namespace durward::testing
