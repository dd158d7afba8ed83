#include <fmt/format.h>

#include "base/hash.h"
#include "base/text.h"
#include "policy/compile.h"

namespace durward::policy {
namespace {

std::string encoded(const std::vector<std::string>& roles) {
  std::vector<std::string> out;
  for (const auto& role : roles) out.push_back(percent_encode(role));
  return join(out, ",");
}

}  // namespace

std::string Class::canonical() const {
  if (!signed_in) return "anonymous";
  return fmt::format("acr={} roles={} unknown={}", acr, encoded(roles), encoded(unknown_roles));
}

std::string Class::hash() const {
  return sha256_hex(canonical());
}

Class anonymous_class() {
  return {};
}

Class classify(const PolicySet& set, const model::Subject& subject) {
  if (!subject.signed_in) return anonymous_class();
  Class out{.signed_in = true, .acr = subject.acr, .roles = {}, .unknown_roles = {}};
  for (const auto& role : subject.roles)
    if (set.vocabulary.contains(role)) out.roles.push_back(role);
  for (const auto& role : subject.unknown_roles)
    if (set.vocabulary.contains(role) && !subject.roles.contains(role)) out.unknown_roles.push_back(role);
  return out;
}

}  // namespace durward::policy
