#include <fmt/format.h>

#include <algorithm>

#include "policy/canonical.h"
#include "policy/codes.h"
#include "policy/cover.h"
#include "policy/findings.h"
#include "policy/rows.h"

namespace durward::policy {
namespace {

using model::Effect;
using Names = std::vector<std::string>;

struct Read {
  const model::AccessRule* rule = nullptr;
  CanonicalRule form;
  std::vector<bool> routes;  // of the app, by position
  bool dead = false;         // never matches
};

bool has(const Names& sorted, const std::string& name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

// ---- POL101

bool exclude_each_other(const model::Model& model, const std::string& a, const std::string& b) {
  const auto names = [&](const std::string& from, const std::string& to) {
    const auto role = model.roles.find(from);
    return role != model.roles.end() && lists(role->second.excludes, to);
  };
  return names(a, b) || names(b, a);
}

// Why nobody can hold what is needed, or "".
std::string impossible_roles(const model::Model& model, const CanonicalRule& form) {
  for (const auto& role : form.all_of)
    if (has(form.none_of, role)) return fmt::format("it wants '{}' both held and not held", role);
  const auto in_none_of = [&](const std::string& role) { return has(form.none_of, role); };
  if (!form.any_of.empty() && std::all_of(form.any_of.begin(), form.any_of.end(), in_none_of))
    return "noneOf excludes every role that would do";
  for (const auto& role : form.all_of) {
    for (const auto& other : form.all_of)
      if (role < other && exclude_each_other(model, role, other))
        return fmt::format("'{}' and '{}' exclude each other", role, other);
  }
  const auto excluded = [&](const std::string& role) {
    return std::any_of(form.all_of.begin(), form.all_of.end(),
                       [&](const auto& held) { return exclude_each_other(model, role, held); });
  };
  if (!form.any_of.empty() && std::all_of(form.any_of.begin(), form.any_of.end(), excluded))
    return "allOf names roles that exclude every role that would do";
  return {};
}

std::string why_dead(const model::Model& model, const CanonicalRule& form) {
  std::string roles = impossible_roles(model, form);
  if (!roles.empty()) return roles;
  return form.unless && covers(form.unless, form.when) ? "its unless holds whenever its when does"
                                                       : std::string();
}

void report_dead(const model::Model& model, Read& read, Diagnostics& diagnostics) {
  const std::string why = why_dead(model, read.form);
  read.dead = !why.empty();
  if (read.dead)
    diagnostics.warning(code::never_matches.id, read.rule->span,
                        fmt::format("rule '{}' can never match: {}", read.rule->id.value, why),
                        "mend or remove it");
}

// ---- POL102

// A route without methods takes HEAD, but never sees it: rules there see GET.
void report_head(const model::App& app, const Read& read, Diagnostics& diagnostics) {
  bool judged_as_get = false;
  for (std::size_t i = 0; i < app.routes.size(); ++i) {
    if (!read.routes[i]) continue;
    if (lists(app.routes[i].methods, "HEAD")) return;
    judged_as_get |= app.routes[i].methods.empty();
  }
  for (const auto& method : read.rule->methods) {
    if (method.value != "HEAD" || !judged_as_get) continue;
    diagnostics.warning(
        code::head_is_get.id, method.span,
        fmt::format("rule '{}' names HEAD, which its routes judge as GET", read.rule->id.value),
        "name GET, or list HEAD among the methods of a route");
  }
}

// ---- POL103, POL104

bool applies_wherever(const Read& wide, const Read& narrow) {
  for (std::size_t i = 0; i < wide.routes.size(); ++i)
    if (narrow.routes[i] && !wide.routes[i]) return false;
  if (wide.rule->methods.empty()) return true;
  return !narrow.rule->methods.empty() &&
         std::all_of(narrow.rule->methods.begin(), narrow.rule->methods.end(),
                     [&](const auto& method) { return lists(wide.rule->methods, method.value); });
}

bool lies_within(const Read& narrow, const Read& wide) {
  return !wide.dead && covers(wide.form, narrow.form) && applies_wherever(wide, narrow);
}

// Of two that cover each other the one with the lesser id stays.
bool is_shadowed_by(const Read& narrow, const Read& wide) {
  return lies_within(narrow, wide) &&
         !(lies_within(wide, narrow) && narrow.rule->id.value < wide.rule->id.value);
}

void report_covered(const Read& read, const std::vector<Read>& all, Diagnostics& diagnostics) {
  const Read* allow = nullptr;
  const Read* deny = nullptr;
  for (const Read& other : all) {
    if (&other == &read) continue;
    if (deny == nullptr && other.rule->effect == Effect::deny && lies_within(read, other)) deny = &other;
    if (allow == nullptr && other.rule->effect == Effect::allow && is_shadowed_by(read, other))
      allow = &other;
  }
  const auto report = [&](const model::Code& code, const Read& by, const std::string& message,
                          const char* hint) {
    auto& diagnostic = diagnostics.warning(code.id, read.rule->span, message, hint);
    diagnostic.related.push_back({by.rule->span, fmt::format("rule '{}' is here", by.rule->id.value)});
  };
  if (deny != nullptr) {
    report(code::overruled, *deny,
           fmt::format("rule '{}' allows nobody: '{}' denies all of it", read.rule->id.value,
                       deny->rule->id.value),
           "narrow the deny rule, or remove this one");
  } else if (allow != nullptr) {
    report(code::shadowed, *allow,
           fmt::format("rule '{}' adds nothing: '{}' allows all of it", read.rule->id.value,
                       allow->rule->id.value),
           "remove one of the two, or narrow the other");
  }
}

// ---- POL108

void report_none_of_alone(const Read& read, Diagnostics& diagnostics) {
  const CanonicalRule& form = read.form;
  const bool none_of_alone = form.who == model::Who::roles && form.any_of.empty() && form.all_of.empty();
  const bool wants_login = form.when && (form.when->acr || form.when->auth_age);
  if (form.effect != Effect::allow || !none_of_alone || wants_login) return;
  diagnostics.warning(
      code::anonymous_by_none_of.id, read.rule->span,
      fmt::format("rule '{}' lets in people without a session: they hold no role", read.rule->id.value),
      "say which roles may, or deny anonymous");
}

std::vector<Read> read_rules(const model::App& app) {
  std::vector<Read> out;
  for (const auto& rule : app.access) {
    Read read{.rule = &rule, .form = canonical(rule), .routes = {}};
    for (const auto& route : app.routes) read.routes.push_back(concerns(rule, route));
    out.push_back(std::move(read));
  }
  return out;
}

}  // namespace

void report_rule_findings(const PolicySet& set, const model::App& app, Diagnostics& diagnostics) {
  std::vector<Read> rules = read_rules(app);
  for (Read& read : rules) report_dead(*set.model, read, diagnostics);
  for (const Read& read : rules) {
    report_head(app, read, diagnostics);
    if (read.dead || read.rule->effect == Effect::deny) continue;
    report_covered(read, rules, diagnostics);
    report_none_of_alone(read, diagnostics);
  }
}

}  // namespace durward::policy
