#include "policy/evaluate.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/text.h"
#include "policy/window.h"

namespace durward::policy {
namespace {

using model::Effect;
using model::Tri;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Rules = std::vector<const model::AccessRule*>;

// ---- three values ------------------------------------------------------------------------------------

Tri both(Tri a, Tri b) {
  if (a == Tri::no || b == Tri::no) return Tri::no;
  return a == Tri::yes && b == Tri::yes ? Tri::yes : Tri::unknown;
}
Tri opposite(Tri a) {
  if (a == Tri::unknown) return a;
  return a == Tri::yes ? Tri::no : Tri::yes;
}
Tri either(Tri a, Tri b) {
  return opposite(both(opposite(a), opposite(b)));
}
Tri known(bool value) {
  return value ? Tri::yes : Tri::no;
}

// The gateway's own on every host; no app's.
constexpr std::string_view k_own_paths = "/.durward/";

// ---- which route ---------------------------------------------------------------------------------------

std::string normal_host(std::string_view host) {
  std::string name = lower_ascii(host.substr(0, host.find(':')));
  if (name.ends_with('.')) name.pop_back();
  return name;
}

bool serves(const model::App& app, const std::string& host) {
  return std::any_of(app.hosts.begin(), app.hosts.end(), [&](const auto& h) { return h.value == host; });
}

bool template_matches(const model::PathTemplate& path, const std::vector<std::string>& segments) {
  for (std::size_t i = 0; i < path.segments.size(); ++i) {
    const model::Segment& wanted = path.segments[i];
    if (i >= segments.size()) return false;
    if (wanted.kind == model::Segment::Kind::rest) return true;
    if (wanted.kind == model::Segment::Kind::literal && wanted.text != segments[i]) return false;
    if (wanted.kind == model::Segment::Kind::param && segments[i].empty()) return false;
  }
  return path.segments.size() == segments.size();
}

bool lists(const std::vector<Spanned<std::string>>& items, const std::string& value) {
  return std::any_of(items.begin(), items.end(), [&](const auto& item) { return item.value == value; });
}

// The method as the rules of this route see it.
std::string judged_method(const model::Route& route, const std::string& method) {
  return method == "HEAD" && !lists(route.methods, "HEAD") ? "GET" : method;
}

bool takes(const model::Route& route, const std::string& method) {
  return route.methods.empty() || lists(route.methods, judged_method(route, method));
}

// Both match one path. Segment by segment: a literal before a parameter before the rest.
bool more_specific(const model::Route& a, const model::Route& b, const std::string& method) {
  const auto kinds = [](const model::Route& route) {
    std::vector<model::Segment::Kind> out;
    for (const auto& segment : route.path.value.segments) out.push_back(segment.kind);
    return out;
  };
  if (kinds(a) != kinds(b)) return kinds(a) < kinds(b);
  return lists(a.methods, method) && !lists(b.methods, method);
}

// Sets verdict.app and verdict.route, or the reason why there is none.
void select_route(const model::Model& model, const Request& request, Verdict& verdict) {
  const std::string host = normal_host(request.host);
  const std::vector<std::string> segments = split(std::string_view(request.path).substr(1), '/');
  const bool own = request.path.starts_with(k_own_paths);
  verdict.reason = own ? Reason::no_route : Reason::no_host;
  for (const model::App* app : model.all_apps()) {
    if (own || !serves(*app, host)) continue;
    if (verdict.route == nullptr) verdict.reason = Reason::no_route;
    for (const model::Route& route : app->routes) {
      if (!template_matches(route.path.value, segments) || !takes(route, request.method)) continue;
      if (verdict.route != nullptr && !more_specific(route, *verdict.route, request.method)) continue;
      verdict.app = app;
      verdict.route = &route;
    }
  }
}

Rules rules_of(const model::App& app, const model::Route& route, const std::string& method) {
  Rules out;
  for (const model::AccessRule& rule : app.access) {
    const bool on_route = rule.routes.empty() || lists(rule.routes, route.id.value);
    const bool on_method = rule.methods.empty() || lists(rule.methods, judged_method(route, method));
    if (on_route && on_method) out.push_back(&rule);
  }
  return out;
}

// ---- what a rule asks ------------------------------------------------------------------------------------

// Who asks, as far as a rule can see.
struct Viewer {
  bool signed_in = false;
  std::function<Tri(const std::string&)> holds;
  int acr = -1;
  bool has_age = false;               // false: there is no login to be old
  std::optional<milliseconds> age{};  // has_age and none: unknown
};

Viewer viewer_of(const model::Subject& subject, const Request& request) {
  if (!subject.signed_in) return {.holds = [](const std::string&) { return Tri::no; }};
  Viewer viewer{.signed_in = true,
                .holds = [&subject](const std::string& role) { return subject.holds(role); },
                .acr = subject.acr,
                .has_age = true};
  if (subject.auth_time)
    viewer.age = (request.at - *subject.auth_time) + milliseconds(request.at_fraction_ms);
  return viewer;
}

Viewer at_login(Viewer viewer, int acr) {
  viewer.acr = acr;
  viewer.has_age = true;
  viewer.age = milliseconds(0);
  return viewer;
}

Tri audience(const model::Audience& who, const Viewer& viewer) {
  switch (who.who) {
    case model::Who::anyone:
      return Tri::yes;
    case model::Who::anonymous:
      return known(!viewer.signed_in);
    case model::Who::signed_in:
      return known(viewer.signed_in);
    case model::Who::roles:
      break;
  }
  Tri any = known(who.any_of.empty());
  for (const auto& role : who.any_of) any = either(any, viewer.holds(role.value));
  Tri all = Tri::yes;
  for (const auto& role : who.all_of) all = both(all, viewer.holds(role.value));
  Tri none = Tri::yes;
  for (const auto& role : who.none_of) none = both(none, opposite(viewer.holds(role.value)));
  return both(any, both(all, none));
}

Tri young_enough(const Viewer& viewer, seconds limit) {
  if (!viewer.has_age) return Tri::no;
  return viewer.age ? known(*viewer.age <= limit) : Tri::unknown;
}

Tri in_windows(const std::vector<model::WeeklyWindow>& windows, std::chrono::sys_seconds at) {
  Tri any = Tri::no;
  for (const auto& window : windows)
    any = either(any, known_zone(window.zone) ? known(contains(window, at)) : Tri::unknown);
  return any;
}

Tri from_networks(const std::vector<model::Cidr>& networks, const std::optional<model::IpAddress>& source) {
  if (!source) return Tri::unknown;
  return known(std::any_of(networks.begin(), networks.end(),
                           [&](const auto& cidr) { return cidr.contains(*source); }));
}

Tri conditions(const model::Conditions& asked, const Viewer& viewer, const Request& request) {
  Tri all = Tri::yes;
  if (asked.acr) all = both(all, known(viewer.signed_in && viewer.acr >= asked.acr->value));
  if (asked.auth_age) all = both(all, young_enough(viewer, asked.auth_age->value));
  if (asked.weekly) all = both(all, in_windows(asked.weekly->value, request.at));
  if (asked.source) all = both(all, from_networks(asked.source->value, request.source));
  return all;
}

Tri circumstances(const model::AccessRule& rule, const Viewer& viewer, const Request& request) {
  const Tri when = rule.when ? conditions(*rule.when, viewer, request) : Tri::yes;
  const Tri unless = rule.unless ? conditions(*rule.unless, viewer, request) : Tri::no;
  return both(when, opposite(unless));
}

// An unknown is false in an allow and true in a deny.
bool settle(Effect effect, Tri value) {
  return effect == Effect::allow ? value == Tri::yes : value != Tri::no;
}

struct Matches {
  std::vector<std::string> allows, denies;  // sorted ids
  bool allowed() const { return !allows.empty() && denies.empty(); }
};

Matches match(const Rules& rules, const Viewer& viewer, const Request& request) {
  Matches out;
  for (const model::AccessRule* rule : rules) {
    const Tri value = both(audience(rule->audience, viewer), circumstances(*rule, viewer, request));
    if (settle(rule->effect, value))
      (rule->effect == Effect::allow ? out.allows : out.denies).push_back(rule->id.value);
  }
  std::sort(out.allows.begin(), out.allows.end());
  std::sort(out.denies.begin(), out.denies.end());
  return out;
}

// ---- what would help
// ---------------------------------------------------------------------------------------

// The greatest login age allowed to a viewer whom a fresh login would let in; none = any.
std::optional<seconds> greatest_age(const Rules& rules, Viewer viewer, const Request& request) {
  viewer.age.reset();
  if (match(rules, viewer, request).allowed()) return std::nullopt;
  seconds greatest{0};
  for (const model::AccessRule* rule : rules) {
    for (const auto* asked : {&rule->when, &rule->unless}) {
      if (!*asked || !(*asked)->auth_age) continue;
      const seconds limit = (*asked)->auth_age->value;
      viewer.age = limit;
      if (match(rules, viewer, request).allowed()) greatest = std::max(greatest, limit);
    }
  }
  return greatest;
}

// Contrived rules can make the search below exponential. Past this many steps the answer is "a login might
// do", which lets nobody in.
constexpr unsigned k_search_steps_max = 2'000;

// Looks for roles that satisfy one allow's audience and no deny's, deciding role by role; an undecided role
// is unknown, so a branch is dropped as soon as what was decided rules it out.
class RoleSearch {
 public:
  RoleSearch(const model::AccessRule& allow, const Rules& denies, unsigned& steps_left)
      : allow_(allow), denies_(denies), steps_left_(steps_left) {}

  bool possible() {
    if (steps_left_ == 0) return true;
    --steps_left_;
    if (value(allow_) == Tri::no) return false;
    for (const auto* deny : denies_)
      if (value(*deny) == Tri::yes) return false;
    const auto next = undecided();
    if (next.role.empty()) return true;
    for (const Tri choice : {next.first, opposite(next.first)}) {
      decided_[next.role] = choice;
      if (possible()) return true;
    }
    decided_.erase(next.role);
    return false;
  }

 private:
  struct Choice {
    std::string role;
    Tri first = Tri::no;  // the value more likely to help
  };

  Tri holds(const std::string& role) const {
    const auto it = decided_.find(role);
    return it == decided_.end() ? Tri::unknown : it->second;
  }
  Tri value(const model::AccessRule& rule) const {
    return audience(rule.audience,
                    {.signed_in = true, .holds = [this](const std::string& role) { return holds(role); }});
  }
  Choice undecided() const {
    if (value(allow_) == Tri::unknown) return undecided_in(allow_, Tri::yes);
    for (const auto* deny : denies_)
      if (value(*deny) == Tri::unknown) return undecided_in(*deny, Tri::no);
    return {};
  }
  Choice undecided_in(const model::AccessRule& rule, Tri wanted) const {
    const auto& who = rule.audience;
    for (const auto* list : {&who.any_of, &who.all_of, &who.none_of})
      for (const auto& role : *list)
        if (holds(role.value) == Tri::unknown)
          return {role.value, list == &who.none_of ? opposite(wanted) : wanted};
    return {};
  }

  const model::AccessRule& allow_;
  const Rules& denies_;
  std::map<std::string, Tri> decided_;
  unsigned& steps_left_;
};

bool some_session_allowed(const model::Model& model, const Rules& rules, const Request& request) {
  unsigned steps_left = k_search_steps_max;
  const int levels = static_cast<int>(model.gateway.acr.size());
  for (int acr = -1; acr < levels; ++acr) {
    const Viewer viewer = at_login({.signed_in = true, .holds = {}}, acr);
    Rules allows, denies;
    for (const auto* rule : rules) {
      if (settle(rule->effect, circumstances(*rule, viewer, request)))
        (rule->effect == Effect::allow ? allows : denies).push_back(rule);
    }
    for (const auto* allow : allows)
      if (RoleSearch(*allow, denies, steps_left).possible()) return true;
  }
  return false;
}

// True when a login by the same person would do; fills in what it takes.
bool better_login_allowed(const model::Model& model, const Rules& rules, const Viewer& viewer,
                          const Request& request, Verdict& verdict) {
  const int top = std::max(viewer.acr, static_cast<int>(model.gateway.acr.size()) - 1);
  for (int acr = viewer.acr; acr <= top; ++acr) {
    const Viewer better = at_login(viewer, acr);
    if (!match(rules, better, request).allowed()) continue;
    verdict.reason = acr == viewer.acr ? Reason::auth_age_required : Reason::acr_required;
    if (acr != viewer.acr) verdict.acr_needed = acr;
    verdict.age_needed = greatest_age(rules, better, request);
    return true;
  }
  return false;
}

}  // namespace

Verdict evaluate(const model::Model& model, const model::Subject& subject, const Request& request) {
  Verdict verdict;
  if (ambiguous_host(request.host) || ambiguous_path(request.path) || refused_method(request.method)) {
    verdict.reason = Reason::bad_request;
    return verdict;
  }
  select_route(model, request, verdict);
  if (verdict.route == nullptr) return verdict;

  const Rules rules = rules_of(*verdict.app, *verdict.route, request.method);
  const Viewer viewer = viewer_of(subject, request);
  const Matches matches = match(rules, viewer, request);
  if (matches.allowed()) {
    verdict.allow = true;
    verdict.reason = Reason::allowed;
    verdict.rules = matches.allows;
    return verdict;
  }
  if (viewer.signed_in && better_login_allowed(model, rules, viewer, request, verdict)) return verdict;
  if (!viewer.signed_in && some_session_allowed(model, rules, request)) {
    verdict.reason = Reason::login_required;
    return verdict;
  }
  verdict.reason = matches.denies.empty() ? Reason::no_rule : Reason::denied_by_rule;
  verdict.rules = matches.denies;
  return verdict;
}

}  // namespace durward::policy
