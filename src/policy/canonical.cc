#include "policy/canonical.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "base/mutant.h"
#include "base/text.h"
#include "model/phrases.h"

namespace durward::policy {
namespace {

constexpr std::size_t k_name_digits = 12;

template <class T>
void sort_unique(std::vector<T>& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

std::vector<std::string> names(const std::vector<Spanned<std::string>>& items) {
  std::vector<std::string> out;
  for (const auto& item : items) out.push_back(item.value);
  sort_unique(out);
  return out;
}

CanonicalRule::When canonical(const model::Conditions& conditions) {
  CanonicalRule::When out;
  if (conditions.acr) out.acr = conditions.acr->value - (mutant("acr-off-by-one") ? 1 : 0);
  if (conditions.auth_age) out.auth_age = conditions.auth_age->value;
  if (conditions.weekly) out.weekly = conditions.weekly->value;
  if (conditions.source) out.source = conditions.source->value;
  sort_unique(out.weekly);
  sort_unique(out.source);
  return out;
}

// Names are encoded so that no separator of this form can occur in them.
std::string text(const std::vector<std::string>& roles) {
  std::vector<std::string> encoded;
  for (const auto& role : roles) encoded.push_back(percent_encode(role));
  return join(encoded, ",");
}

std::string text(const model::Cidr& cidr) {
  const std::string bytes(cidr.network.bytes.begin(), cidr.network.bytes.end());
  return fmt::format("{}:{}/{}", cidr.network.v6 ? 6 : 4, hex(bytes), cidr.prefix);
}

std::string text(const CanonicalRule::When& when) {
  std::vector<std::string> windows, sources;
  for (const auto& w : when.weekly)
    windows.push_back(
        fmt::format("{}:{}:{}:{}", w.days, w.start_minute, w.end_minute, percent_encode(w.zone)));
  for (const auto& cidr : when.source) sources.push_back(text(cidr));
  return fmt::format("acr={} age={} weekly={} source={}", when.acr ? std::to_string(*when.acr) : "-",
                     when.auth_age ? std::to_string(when.auth_age->count()) : "-", join(windows, ","),
                     join(sources, ","));
}

}  // namespace

CanonicalRule canonical(const model::AccessRule& rule) {
  CanonicalRule out{.effect = rule.effect, .who = rule.audience.who};
  if (out.who == model::Who::roles) {
    out.any_of = names(rule.audience.any_of);
    out.all_of = names(rule.audience.all_of);
    out.none_of = names(rule.audience.none_of);
  }
  if (rule.when) out.when = canonical(*rule.when);
  if (rule.unless && !mutant("drop-unless")) out.unless = canonical(*rule.unless);
  return out;
}

std::string canonical_text(const std::vector<CanonicalRule>& rules) {
  std::string out = "durward policy 1\n";
  for (const auto& rule : rules) {
    out += fmt::format("{} {} any={} all={} none={}", rule.effect == model::Effect::allow ? "allow" : "deny",
                       model::who_word(rule.who), text(rule.any_of), text(rule.all_of), text(rule.none_of));
    if (rule.when) out += " when " + text(*rule.when);
    if (rule.unless) out += " unless " + text(*rule.unless);
    out += '\n';
  }
  return out;
}

std::string policy_name(const std::string& canonical_text) {
  return "p" + sha256_hex(canonical_text).substr(0, k_name_digits);
}

}  // namespace durward::policy
