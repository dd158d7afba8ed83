#include "shrink.h"

#include <algorithm>

namespace durward::differential {
namespace {

using Step = std::function<bool(Failing&)>;  // false: there was nothing to take away

bool erase_at(auto& items, std::size_t at) {
  if (at >= items.size()) return false;
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(at));
  return true;
}

// A route goes with the rules that speak of it alone.
bool drop_route(model::App& app, std::size_t at) {
  if (at >= app.routes.size() || app.routes.size() == 1) return false;
  const std::string id = app.routes[at].id.value;
  erase_at(app.routes, at);
  std::erase_if(app.access, [&](model::AccessRule& rule) {
    const auto gone = std::erase_if(rule.routes, [&](const auto& named) { return named.value == id; });
    return gone > 0 && rule.routes.empty();
  });
  return true;
}

bool drop_part(model::AccessRule& rule, unsigned which) {
  const auto drop = [](auto& part) {
    const bool there = part.has_value();
    part.reset();
    return there;
  };
  const auto drop_of = [&](std::optional<model::Conditions>& asked, unsigned condition) {
    if (!asked) return false;
    const bool dropped = condition == 0   ? drop(asked->acr)
                         : condition == 1 ? drop(asked->auth_age)
                         : condition == 2 ? drop(asked->weekly)
                                          : drop(asked->source);
    if (!asked->acr && !asked->auth_age && !asked->weekly && !asked->source) asked.reset();
    return dropped;
  };
  if (which == 0) return drop(rule.when);
  if (which == 1) return drop(rule.unless);
  if (which < 6) return drop_of(rule.when, which - 2);
  if (which < 10) return drop_of(rule.unless, which - 6);
  const bool some = !rule.methods.empty();
  rule.methods.clear();
  return some;
}
constexpr unsigned rule_parts = 11;

void add_rule_steps(std::vector<Step>& out, std::size_t app, std::size_t rule) {
  const auto at = [app, rule](Failing& f) -> model::AccessRule* {
    if (app >= f.estate.apps.size() || rule >= f.estate.apps[app].access.size()) return nullptr;
    return &f.estate.apps.own(app).access[rule];
  };
  for (unsigned part = 0; part < rule_parts; ++part)
    out.push_back([at, part](Failing& f) { return at(f) != nullptr && drop_part(*at(f), part); });
  for (unsigned list = 0; list < 3; ++list) {
    for (std::size_t i = 4; i-- > 0;)
      out.push_back([at, list, i](Failing& f) {
        if (at(f) == nullptr) return false;
        auto& who = at(f)->audience;
        auto& roles = list == 0 ? who.any_of : list == 1 ? who.all_of : who.none_of;
        const bool last = who.any_of.size() + who.all_of.size() + who.none_of.size() == 1;
        return !last && erase_at(roles, i);
      });
  }
}

// Everything that might go, the largest first.
std::vector<Step> steps(const Failing& failing) {
  std::vector<Step> out;
  const auto& apps = failing.estate.apps;
  for (std::size_t a = apps.size(); a-- > 0;)
    out.push_back([a](Failing& f) { return f.estate.apps.size() > 1 && erase_at(f.estate.apps, a); });
  for (std::size_t a = apps.size(); a-- > 0;) {
    for (std::size_t r = apps[a].access.size(); r-- > 0;)
      out.push_back([a, r](Failing& f) {
        return a < f.estate.apps.size() && erase_at(f.estate.apps.own(a).access, r);
      });
    for (std::size_t r = apps[a].routes.size(); r-- > 0;)
      out.push_back(
          [a, r](Failing& f) { return a < f.estate.apps.size() && drop_route(f.estate.apps.own(a), r); });
  }
  for (const auto& [name, role] : failing.estate.roles)
    out.push_back([name = name](Failing& f) { return f.estate.roles.erase(name) > 0; });
  for (const auto& role : failing.probe.subject.roles)
    out.push_back([role](Failing& f) { return f.probe.subject.roles.erase(role) > 0; });
  for (const auto& role : failing.probe.subject.unknown_roles)
    out.push_back([role](Failing& f) { return f.probe.subject.unknown_roles.erase(role) > 0; });
  for (std::size_t a = 0; a < apps.size(); ++a)
    for (std::size_t r = 0; r < apps[a].access.size(); ++r) add_rule_steps(out, a, r);
  return out;
}

}  // namespace

Failing shrink(Failing failing, const std::function<bool(const Failing&)>& fails, unsigned tries) {
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (const auto& step : steps(failing)) {
      Failing candidate = failing;
      if (!step(candidate)) continue;
      if (tries-- == 0) return failing;
      if (candidate.probe.session) candidate.probe.session->subject = candidate.probe.subject;
      if (!fails(candidate)) continue;
      failing = std::move(candidate);
      smaller = true;
    }
  }
  return failing;
}

}  // namespace durward::differential
