// Estates by hand, for tests: a Model without a bundle. Every value gets a span of its own in a made-up file,
// so that tests can say where a diagnostic must point.
#pragma once

#include <cassert>
#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "model/model.h"
#include "model/subject.h"

namespace durward::testing {

using Words = std::vector<std::string>;

// Lines count up with every span handed out; columns are 1.
inline SourceSpan next_span() {
  static const SourceFilePtr file = std::make_shared<const SourceFile>(SourceFile{"estate.yaml", ""});
  static std::uint32_t line = 0;
  return {.file = file.get(), .line = ++line, .column = 1, .length = 1};
}

template <class T>
Spanned<T> spanned(T value) {
  return {std::move(value), next_span()};
}

inline std::vector<Spanned<std::string>> spanned_words(const Words& words) {
  std::vector<Spanned<std::string>> out;
  for (const auto& word : words) out.push_back(spanned(word));
  return out;
}

// "/v1/{id}/{**}"; the text is taken to be well formed.
inline model::PathTemplate path_template(const std::string& text) {
  using Kind = model::Segment::Kind;
  model::PathTemplate out{.text = text, .segments = {}};
  for (const auto& part : split(std::string_view(text).substr(1), '/')) {
    if (part == "{**}") {
      out.segments.push_back({Kind::rest, ""});
    } else if (part.starts_with('{')) {
      out.segments.push_back({Kind::param, part.substr(1, part.size() - 2)});
    } else {
      out.segments.push_back({Kind::literal, part});
    }
  }
  return out;
}

inline model::Route route(const std::string& id, const std::string& path, const Words& methods = {}) {
  model::Route out;
  out.id = spanned(id);
  out.path = spanned(path_template(path));
  out.methods = spanned_words(methods);
  out.upstream = spanned(std::string("main"));
  out.span = out.id.span;
  return out;
}

inline constexpr std::uint8_t every_day = 0x7f;
inline constexpr std::uint8_t monday_to_friday = 0x1f;

inline model::WeeklyWindow window(std::uint8_t days, unsigned start_minute, unsigned end_minute,
                                  std::string zone = "UTC") {
  return {.days = days,
          .start_minute = static_cast<std::uint16_t>(start_minute),
          .end_minute = static_cast<std::uint16_t>(end_minute),
          .zone = std::move(zone)};
}

inline model::Cidr cidr(std::string_view text) {
  const auto parsed = model::Cidr::parse(text);
  assert(parsed);
  return *parsed;
}

inline model::IpAddress address(std::string_view text) {
  const auto parsed = model::IpAddress::parse(text);
  assert(parsed);
  return *parsed;
}

// The conditions of one `when` or `unless`: If().acr(1).age(15min).
class If {
 public:
  If& acr(int level) {
    value_.acr = spanned(level);
    return *this;
  }
  If& age(std::chrono::seconds limit) {
    value_.auth_age = spanned(limit);
    return *this;
  }
  If& weekly(std::vector<model::WeeklyWindow> windows) {
    value_.weekly = spanned(std::move(windows));
    return *this;
  }
  If& source(const Words& networks) {
    std::vector<model::Cidr> out;
    for (const auto& network : networks) out.push_back(cidr(network));
    value_.source = spanned(std::move(out));
    return *this;
  }
  operator model::Conditions() const { return value_; }  // NOLINT: reads as the value it builds

 private:
  model::Conditions value_{.acr = {}, .auth_age = {}, .weekly = {}, .source = {}, .span = next_span()};
};

// One access rule: allow("read").any_of({"support"}).on({"list"}).when(If().acr(1)). Without a word about
// people: anyone.
class Rule {
 public:
  Rule(model::Effect effect, const std::string& id) {
    value_.id = spanned(id);
    value_.effect = effect;
    value_.span = value_.id.span;
    value_.audience.span = value_.id.span;
  }
  Rule& who(model::Who who) {
    value_.audience.who = who;
    return *this;
  }
  Rule& signed_in() { return who(model::Who::signed_in); }
  Rule& anonymous() { return who(model::Who::anonymous); }
  Rule& any_of(const Words& roles) {
    value_.audience.any_of = spanned_words(roles);
    return who(model::Who::roles);
  }
  Rule& all_of(const Words& roles) {
    value_.audience.all_of = spanned_words(roles);
    return who(model::Who::roles);
  }
  Rule& none_of(const Words& roles) {
    value_.audience.none_of = spanned_words(roles);
    return who(model::Who::roles);
  }
  Rule& on(const Words& routes) {
    value_.routes = spanned_words(routes);
    return *this;
  }
  Rule& methods(const Words& methods) {
    value_.methods = spanned_words(methods);
    return *this;
  }
  Rule& when(model::Conditions conditions) {
    value_.when = std::move(conditions);
    return *this;
  }
  Rule& unless(model::Conditions conditions) {
    value_.unless = std::move(conditions);
    return *this;
  }
  operator model::AccessRule() const { return value_; }  // NOLINT: reads as the value it builds

 private:
  model::AccessRule value_;
};

inline Rule allow(const std::string& id) {
  return {model::Effect::allow, id};
}
inline Rule deny(const std::string& id) {
  return {model::Effect::deny, id};
}

inline model::App app(const std::string& name, const Words& hosts, std::vector<model::Route> routes,
                      std::vector<model::AccessRule> access) {
  model::App out;
  out.name = spanned(name);
  out.owner = "team";
  out.hosts = spanned_words(hosts);
  out.routes = std::move(routes);
  out.access = std::move(access);
  out.span = out.name.span;
  model::Upstream upstream;
  upstream.name = spanned(std::string("main"));
  upstream.servers = {spanned(model::Server{"127.0.0.1", 8000})};
  upstream.span = upstream.name.span;
  out.upstreams.emplace("main", upstream);
  return out;
}

// A ladder of three levels: pwd, otp, key.
inline model::Model estate(std::vector<model::App> apps) {
  model::Model out;
  out.gateway.name = spanned(std::string("edge"));
  out.gateway.login_host = spanned(std::string("login.test"));
  out.gateway.acr = spanned_words({"pwd", "otp", "key"});
  out.apps = std::move(apps);
  return out;
}

inline model::ModelPtr shared(model::Model estate) {
  return std::make_shared<const model::Model>(std::move(estate));
}

struct Person {
  Words roles{};
  Words unknown{};
  int acr = 0;
  std::optional<std::chrono::sys_seconds> auth_time{};
};

inline model::Subject subject(const Person& person) {
  model::Subject out;
  out.signed_in = true;
  out.issuer = "https://id.test";
  out.sub = "ann";
  out.roles.insert(person.roles.begin(), person.roles.end());
  out.unknown_roles.insert(person.unknown.begin(), person.unknown.end());
  out.acr = person.acr;
  out.auth_time = person.auth_time;
  return out;
}

inline model::Subject nobody() {
  return {};
}

}  // namespace durward::testing
