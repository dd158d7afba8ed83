#include "coverage.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/rows.h"

namespace durward::differential {
namespace {

using namespace std::chrono_literals;
using model::Segment;

constexpr unsigned allowed_percent_min = 30, allowed_percent_max = 70;

// Every kind that a run must see.
constexpr const char* k_kinds[] = {"allow for anyone",
                                   "allow for anonymous",
                                   "allow for signedIn",
                                   "allow for roles",
                                   "allow by allOf",
                                   "allow by noneOf",
                                   "allow on some routes",
                                   "allow on some methods",
                                   "allow when acr",
                                   "allow when authAge",
                                   "allow when weekly",
                                   "allow when source",
                                   "allow unless acr",
                                   "allow unless weekly",
                                   "allow unless source",
                                   "deny for anyone",
                                   "deny for anonymous",
                                   "deny for signedIn",
                                   "deny for roles",
                                   "deny by allOf",
                                   "deny by noneOf",
                                   "deny on some routes",
                                   "deny on some methods",
                                   "deny when acr",
                                   "deny when weekly",
                                   "deny when source",
                                   "deny unless acr",
                                   "deny unless authAge",
                                   "deny unless weekly",
                                   "deny unless source",
                                   "route literal",
                                   "route with parameters",
                                   "route {**}",
                                   "route {**} with parameters",
                                   "route of any method",
                                   "route of some methods",
                                   "route more specific than another",
                                   "HEAD as GET",
                                   "HEAD listed",
                                   "unknown role",
                                   "unknown age",
                                   "second of a window",
                                   "second of an age",
                                   "host with port",
                                   "host with dot",
                                   "host in capitals",
                                   "HTTP/1.1 cookie",
                                   "HTTP/1.1 bearer",
                                   "HTTP/1.1 nobody",
                                   "HTTP/2 cookie",
                                   "HTTP/2 bearer",
                                   "HTTP/2 nobody",
                                   "misdirected",
                                   "allowed",
                                   "bad_request",
                                   "no_host",
                                   "no_route",
                                   "denied_by_rule",
                                   "no_rule",
                                   "login_required",
                                   "acr_required",
                                   "auth_age_required"};

bool same(const policy::Verdict& a, const policy::Verdict& b) {
  return a.reason == b.reason && a.rules == b.rules;
}

void tidy(std::optional<model::Conditions>& asked) {
  if (asked && !asked->acr && !asked->auth_age && !asked->weekly && !asked->source) asked.reset();
}

// Takes one condition away; false when there is none of this kind.
bool drop_condition(model::AccessRule& rule, bool unless, unsigned which) {
  auto& asked = unless ? rule.unless : rule.when;
  if (!asked) return false;
  const bool there[] = {asked->acr.has_value(), asked->auth_age.has_value(), asked->weekly.has_value(),
                        asked->source.has_value()};
  if (!there[which]) return false;
  if (which == 0) asked->acr.reset();
  if (which == 1) asked->auth_age.reset();
  if (which == 2) asked->weekly.reset();
  if (which == 3) asked->source.reset();
  tidy(asked);
  return true;
}

bool drop_roles(model::Audience& who, unsigned which) {
  auto& list = which == 0 ? who.any_of : which == 1 ? who.all_of : who.none_of;
  if (list.empty()) return false;
  list.clear();
  if (who.any_of.empty() && who.all_of.empty() && who.none_of.empty()) who.who = model::Who::anyone;
  return true;
}

std::string route_kind(const model::Route& route) {
  const auto& segments = route.path.value.segments;
  const bool params = std::any_of(segments.begin(), segments.end(),
                                  [](const auto& s) { return s.kind == Segment::Kind::param; });
  if (route.path.value.ends_in_rest()) return params ? "route {**} with parameters" : "route {**}";
  return params ? "route with parameters" : "route literal";
}

std::string wire_kind(const Probe& probe) {
  std::string by = "nobody";
  for (const auto& [name, value] : probe.fields) {
    if (name == "cookie") by = "cookie";
    if (name == "authorization") by = "bearer";
  }
  return (probe.h2 ? "HTTP/2 " : "HTTP/1.1 ") + by;
}

std::vector<std::string> host_kinds(const std::string& host) {
  std::vector<std::string> out;
  const std::string name = host.substr(0, host.find(':'));
  if (name.size() != host.size()) out.emplace_back("host with port");
  if (name.ends_with('.')) out.emplace_back("host with dot");
  if (name != lower_ascii(name)) out.emplace_back("host in capitals");
  return out;
}

// What one second more or less would change.
std::vector<std::string> by_a_second(const model::Model& estate, const Probe& probe,
                                     const model::Subject& subject, const policy::Verdict& verdict) {
  bool window = false, age = false;
  for (const auto by : {-1s, 1s}) {
    policy::Request later = probe.request;
    later.at += by;
    model::Subject with_it = subject;
    if (with_it.auth_time) *with_it.auth_time += by;
    window |= !same(policy::evaluate(estate, with_it, later), verdict);
    model::Subject older = subject;
    if (!older.auth_time) continue;
    *older.auth_time += by;
    age |= !same(policy::evaluate(estate, older, probe.request), verdict);
  }
  std::vector<std::string> out;
  if (window) out.emplace_back("second of a window");
  if (age) out.emplace_back("second of an age");
  return out;
}

std::vector<std::string> by_unknowns(const model::Model& estate, const Probe& probe,
                                     const model::Subject& subject, const policy::Verdict& verdict) {
  std::vector<std::string> out;
  if (!subject.signed_in) return out;
  model::Subject known = subject;
  known.unknown_roles.clear();
  if (!same(policy::evaluate(estate, known, probe.request), verdict)) out.emplace_back("unknown role");
  if (subject.auth_time) return out;
  known = subject;
  known.auth_time = probe.request.at;
  if (!same(policy::evaluate(estate, known, probe.request), verdict)) out.emplace_back("unknown age");
  return out;
}

}  // namespace

Ablation::Ablation(const model::Model& estate) {
  for (std::size_t i = 0; i < estate.apps.size(); ++i) {
    for (std::size_t j = 0; j < estate.apps[i].access.size(); ++j) add_rule(estate, i, j);
    for (std::size_t j = 0; j < estate.apps[i].routes.size(); ++j) add_route(estate, i, j);
  }
}

void Ablation::add_rule(const model::Model& estate, std::size_t app, std::size_t rule) {
  static constexpr const char* who[] = {"anyone", "anonymous", "signedIn", "roles"};
  static constexpr const char* conditions[] = {"acr", "authAge", "weekly", "source"};
  const auto& whole = estate.apps[app].access[rule];
  const std::string effect = whole.effect == model::Effect::allow ? "allow " : "deny ";
  const auto add = [&](const std::string& kind, auto&& change) {
    Variant out{effect + kind, estate.apps[app].name.value, whole.id.value, false, estate};
    auto& access = out.estate.apps.own(app).access;
    if (change(access, access[rule])) variants_.push_back(std::move(out));
  };
  using Rules = std::vector<model::AccessRule>;
  using Rule = model::AccessRule;
  add(std::string("for ") + who[static_cast<std::size_t>(whole.audience.who)], [&](Rules& all, Rule&) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(rule));
    return true;
  });
  add("by allOf", [](Rules&, Rule& one) { return drop_roles(one.audience, 1); });
  add("by noneOf", [](Rules&, Rule& one) { return drop_roles(one.audience, 2); });
  add("on some routes", [](Rules&, Rule& one) {
    const bool some = !one.routes.empty();
    one.routes.clear();
    return some;
  });
  add("on some methods", [](Rules&, Rule& one) {
    const bool some = !one.methods.empty();
    one.methods.clear();
    return some;
  });
  for (unsigned i = 0; i < std::size(conditions); ++i) {
    add(std::string("when ") + conditions[i],
        [i](Rules&, Rule& one) { return drop_condition(one, false, i); });
    add(std::string("unless ") + conditions[i],
        [i](Rules&, Rule& one) { return drop_condition(one, true, i); });
  }
}

void Ablation::add_route(const model::Model& estate, std::size_t app, std::size_t route) {
  const auto& whole = estate.apps[app].routes[route];
  Variant out{"route more specific than another", estate.apps[app].name.value, whole.id.value, true, estate};
  auto& routes = out.estate.apps.own(app).routes;
  routes.erase(routes.begin() + static_cast<std::ptrdiff_t>(route));
  variants_.push_back(std::move(out));
}

std::vector<std::string> Ablation::decisive(const Probe& probe, const model::Subject& subject,
                                            const policy::Verdict& verdict) const {
  std::vector<std::string> out;
  if (verdict.route == nullptr) return out;
  for (const auto& variant : variants_) {
    if (variant.app != verdict.app->name.value) continue;
    if (variant.is_route) {
      if (variant.part == verdict.route->id.value &&
          policy::evaluate(variant.estate, subject, probe.request).route != nullptr)
        out.push_back(variant.kind);
      continue;
    }
    if (!same(policy::evaluate(variant.estate, subject, probe.request), verdict)) out.push_back(variant.kind);
  }
  return out;
}

void Coverage::add(const Ablation& ablation, const Outcome& outcome) {
  ++requests_;
  const auto& verdict = outcome.right.front().verdict;
  const auto& probe = outcome.probe;
  const auto& estate = *outcome.right.front().generation->policies->model;
  const bool somebody = probe.ends && probe.request.at < *probe.ends;
  const model::Subject subject = somebody ? probe.subject : model::Subject{};
  const bool turned_away = outcome.answer && outcome.answer->status == 421;
  if (turned_away) return count("misdirected");
  if (verdict.allow) ++allowed_;
  count(policy::to_string(verdict.reason));
  count(wire_kind(probe));
  if (verdict.route == nullptr) return;
  for (const auto& kind : host_kinds(probe.request.host)) count(kind);
  count(route_kind(*verdict.route));
  count(verdict.route->methods.empty() ? "route of any method" : "route of some methods");
  if (probe.request.method == "HEAD")
    count(policy::lists(verdict.route->methods, "HEAD") ? "HEAD listed" : "HEAD as GET");
  for (const auto& kinds :
       {ablation.decisive(probe, subject, verdict), by_a_second(estate, probe, subject, verdict),
        by_unknowns(estate, probe, subject, verdict)})
    for (const auto& kind : kinds) count(kind);
}

void Coverage::print() const {
  fmt::print("differential: {} requests, {}% of them allowed; where a part decides, by kind:\n", requests_,
             allowed_ * 100 / std::max(requests_, 1U));
  unsigned column = 0;
  for (const auto& [kind, count] : kinds_)
    fmt::print("  {:<32}{:>7}{}", kind, count, ++column % 3 == 0 ? "\n" : "");
  fmt::print("\n");
}

std::string Coverage::missing(unsigned least) const {
  std::string out;
  for (const auto* kind : k_kinds) {
    const auto found = kinds_.find(kind);
    const unsigned seen = found == kinds_.end() ? 0 : found->second;
    if (seen < least) out += fmt::format("  '{}' {} times, at least {} are wanted\n", kind, seen, least);
  }
  const unsigned percent = allowed_ * 100 / std::max(requests_, 1U);
  if (percent < allowed_percent_min || percent > allowed_percent_max)
    out += fmt::format("  {}% of the requests are allowed, {} to {} are wanted\n", percent,
                       allowed_percent_min, allowed_percent_max);
  return out;
}

}  // namespace durward::differential
