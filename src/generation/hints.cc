#include "generation/hints.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "generation/routes.h"
#include "generation/rows.h"
#include "model/phrases.h"

namespace durward::generation {
namespace {

constexpr std::size_t hint_bytes_max = 300;
constexpr std::size_t deny_subsets_max = 6;  // rules whose subsets all get a row: 2^6

std::string conditions(const policy::CanonicalRule::When& when, const model::Gateway& gateway) {
  std::string out;
  if (when.acr)
    out += ", login level " + gateway.acr[static_cast<std::size_t>(*when.acr)].value + " or above";
  if (when.auth_age) out += fmt::format(", a login at most {} seconds old", when.auth_age->count());
  if (!when.weekly.empty()) out += ", certain hours of the week";
  if (!when.source.empty()) out += ", certain networks";
  return out;
}

std::string audience(const policy::CanonicalRule& rule) {
  if (rule.who != model::Who::roles) return model::who_phrase(rule.who);
  std::string out;
  if (!rule.any_of.empty())
    out += (rule.any_of.size() > 1 ? "one of the roles " : "the role ") + model::listed(rule.any_of, " or ");
  if (!rule.all_of.empty())
    out += (out.empty() ? "" : " and ") +
           std::string(rule.all_of.size() > 1 ? "all of the roles " : "the role ") +
           model::listed(rule.all_of, " and ");
  if (!rule.none_of.empty())
    out +=
        (out.empty() ? "" : ", ") + std::string("none of the roles ") + model::listed(rule.none_of, " or ");
  return out;
}

std::string hint(const policy::Policy& policy, const model::Gateway& gateway) {
  std::vector<std::string> ways;
  for (const auto& rule : policy.rules) {
    if (rule.effect != model::Effect::allow) continue;
    ways.push_back(audience(rule) + (rule.when ? conditions(*rule.when, gateway) : ""));
  }
  if (ways.empty()) return "No rule allows this to anybody.";
  std::string out = "Open to: " + join(ways, "; or ") + ".";
  if (out.size() > hint_bytes_max) out = out.substr(0, hint_bytes_max - 3) + "...";
  return out;
}

// The least id of the denies in a subset, as the log and `explain` name it.
std::string least_id(const policy::RoutePolicy& judged, const std::vector<unsigned>& subset) {
  std::string least;
  for (const unsigned ordinal : subset)
    for (const auto& id : judged.rule_ids[ordinal])
      if (least.empty() || id < least) least = id;
  return least;
}

}  // namespace

Rows hint_rows(const policy::PolicySet& policies) {
  std::map<std::string, std::string> rows;
  for (const auto& [name, policy] : policies.policies)
    if (!policy->open) rows.emplace(policy_token(*policy), hint(*policy, policies.model->gateway));
  return {rows.begin(), rows.end()};
}

Rows rule_rows(const policy::PolicySet& policies) {
  std::map<std::string, std::string> rows;
  for (const auto& judged : policies.routes) {
    std::vector<unsigned> denies;
    for (unsigned i = 0; i < judged.policy->rules.size(); ++i)
      if (judged.policy->rules[i].effect == model::Effect::deny) denies.push_back(i);
    if (denies.size() > deny_subsets_max) continue;
    for (unsigned bits = 1; bits < 1U << denies.size(); ++bits) {
      std::vector<unsigned> subset;
      for (std::size_t i = 0; i < denies.size(); ++i)
        if (bits >> i & 1) subset.push_back(denies[i]);
      rows.emplace(fmt::format("{}:D|{}", route_row(policies, judged), fmt::join(subset, ".")),
                   least_id(judged, subset));
    }
  }
  return {rows.begin(), rows.end()};
}

Rows rule_id_rows(const policy::PolicySet& policies) {
  std::map<std::string, std::string> rows;
  for (const auto& judged : policies.routes) {
    std::vector<std::string> ordinals;
    for (const auto& ids : judged.rule_ids) ordinals.push_back(join(ids, ","));
    if (!ordinals.empty()) rows.emplace(route_row(policies, judged), join(ordinals, ";"));
  }
  return {rows.begin(), rows.end()};
}

Rows reason_rows() {
  return {
      {"acr_required", "This needs a stronger login than the one you have."},
      {"auth_age_required", "This needs a fresh login."},
      {"bad_cookie", "The request carries the session cookie in a form no browser sends."},
      {"bad_credentials", "Send either the session cookie or a bearer token, not both."},
      {"bad_header", "A header name could be mistaken for one that only the gateway may send."},
      {"bad_host", "The Host header is missing, doubled or not a host name."},
      {"bad_method", "The method is not one the gateway passes on."},
      {"bad_origin", "The page that opened this connection belongs to another site."},
      {"bad_path", "The path can be read in more than one way."},
      {"bad_request", "The request can be read in more than one way."},
      {"body_too_large", "The request body is larger than this gateway takes."},
      {"denied_by_rule", "A rule denies this."},
      {"login_required", "You need to log in first."},
      {"misdirected", "This connection was opened for another host."},
      {"no_host", "No application is published under this name."},
      {"no_route", "No application here takes this path and method."},
      {"no_rule", "No rule allows this to you."},
      {"not_ready", "The gateway is getting ready."},
  };
}

}  // namespace durward::generation
