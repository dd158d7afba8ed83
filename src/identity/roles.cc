#include "identity/roles.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/mutant.h"
#include "base/text.h"
#include "identity/id_token.h"
#include "identity/json.h"

namespace durward::identity {
namespace {

using model::MemberLiteral;
using model::Tri;

constexpr std::size_t claim_values_max = 1'000;
constexpr std::size_t email_bytes_max = 254;
constexpr std::size_t name_bytes_max = 128;
constexpr std::size_t kept_string_bytes_max = 2'048;

// Nothing = unknown. A name that is missing, or one that the provider says is elsewhere (overage), is
// unknown; a list that is longer than its bound is too, since what was cut off cannot be told.
using Values = std::optional<std::set<std::string>>;

bool elsewhere(const Json& claims, const std::string& name) {
  const auto names = claims.find("_claim_names");
  return names != claims.end() && (!names->is_object() || names->contains(name));
}

Values values(const Json& claims, const std::string& name, std::size_t count_max, std::size_t bytes_max) {
  const auto found = claims.find(name);
  if (found == claims.end() || elsewhere(claims, name)) return std::nullopt;
  if (found->is_boolean()) return std::set<std::string>{found->get<bool>() ? "true" : "false"};
  const bool single = found->is_string();
  if (!single && (!found->is_array() || found->size() > count_max)) return std::nullopt;
  std::set<std::string> out;
  const Json list = single ? Json::array({*found}) : *found;
  for (const Json& one : list) {
    if (!one.is_string() || one.get_ref<const std::string&>().size() > bytes_max) return std::nullopt;
    out.insert(one.get<std::string>());
  }
  return out;
}

Values groups_of(const Json& claims, const model::IdentityProvider& provider) {
  const auto found = claims.find(provider.groups_claim);
  if (found == claims.end() && mutant("omitted-groups-known-empty")) return std::set<std::string>();
  if (found != claims.end() && found->is_boolean()) return std::nullopt;
  return values(claims, provider.groups_claim, groups_max, group_bytes_max);
}

bool sane_email(const std::string& email) {
  const std::size_t at = email.find('@');
  return email.size() <= email_bytes_max && at != std::string::npos && at > 0 && at + 1 < email.size() &&
         email.find('@', at + 1) == std::string::npos && printable_ascii(email) &&
         email.find_first_of(" \"<>,;:\\()[]") == std::string::npos;
}

bool domain_allowed(const std::string& email, const model::IdentityProvider& provider) {
  const std::string domain = email.substr(email.find('@') + 1);
  return provider.email_domains.empty() ||
         std::ranges::any_of(provider.email_domains,
                             [&](const auto& allowed) { return lower_ascii(allowed.value) == domain; });
}

std::optional<std::string> verified_email(const Json& claims, const model::IdentityProvider& provider,
                                          std::vector<std::string>& notes) {
  const auto given = string_member(claims, provider.email_claim.c_str());
  if (!given || elsewhere(claims, provider.email_claim)) return std::nullopt;
  const auto verified = claims.find("email_verified");
  const bool is_verified = verified != claims.end() && verified->is_boolean() && verified->get<bool>();
  if (!is_verified && !mutant("email-unverified-counts")) {
    notes.emplace_back("the e-mail address is not verified by the provider, so it counts as unknown");
    return std::nullopt;
  }
  const std::string email = lower_ascii(*given);
  if (!sane_email(email)) {
    notes.emplace_back("the e-mail address is malformed, so it counts as unknown");
    return std::nullopt;
  }
  if (!domain_allowed(email, provider)) {
    notes.emplace_back(
        "the e-mail address is of a domain that the provider may not assert, so it counts as unknown");
    return std::nullopt;
  }
  return email;
}

struct Facts {
  Values groups;
  std::optional<std::string> email;
  const Json& claims;
};

Tri judge(const Values& known, const std::string& wanted) {
  if (!known) return Tri::unknown;
  return known->contains(wanted) ? Tri::yes : Tri::no;
}

Tri judge(const MemberLiteral& literal, const Facts& facts) {
  switch (literal.kind) {
    case MemberLiteral::Kind::group:
      return judge(facts.groups, literal.value.value);
    case MemberLiteral::Kind::claim:
      return judge(values(facts.claims, literal.claim, claim_values_max, group_bytes_max),
                   literal.value.value);
    case MemberLiteral::Kind::person:
      if (!facts.email) return Tri::unknown;
      return *facts.email == lower_ascii(literal.value.value) ? Tri::yes : Tri::no;
  }
  return Tri::unknown;
}

// Held if any literal is true, else unknown if any is unknown.
Tri judge(const model::Role& role, const Facts& facts) {
  Tri out = Tri::no;
  for (const MemberLiteral& literal : role.members) {
    const Tri one = judge(literal, facts);
    if (one == Tri::yes) return Tri::yes;
    if (one == Tri::unknown) out = Tri::unknown;
  }
  return out;
}

bool may_assert(const model::IdentityProvider& provider, const std::string& role) {
  return provider.may_assert_roles.empty() ||
         std::ranges::any_of(provider.may_assert_roles, [&](const auto& pattern) {
           const std::string& text = pattern.value;
           if (!text.ends_with('*')) return text == role;
           return role.starts_with(std::string_view(text).substr(0, text.size() - 1));
         });
}

std::map<std::string, std::set<std::string>> exclusions(const model::Model& model) {
  std::map<std::string, std::set<std::string>> out;  // both ways: it does not matter which role says it
  for (const auto& [name, role] : model.roles) {
    for (const auto& other : role.excludes) {
      out[name].insert(other.value);
      out[other.value].insert(name);
    }
  }
  return out;
}

// Who holds both holds neither. Who holds one, while the other cannot be told, holds it perhaps.
void apply_exclusions(const model::Model& model, const std::map<std::string, Tri>& judged, Evaluated& out) {
  const auto excluded = exclusions(model);
  const auto state = [&](const std::string& role) {
    const auto found = judged.find(role);
    return found == judged.end() ? Tri::no : found->second;
  };
  for (const auto& [role, held] : judged) {
    if (held == Tri::unknown) out.subject.unknown_roles.insert(role);
    if (held != Tri::yes) continue;
    bool both = false;
    bool perhaps = false;
    const auto partners = excluded.find(role);
    for (const std::string& other : partners == excluded.end() ? std::set<std::string>() : partners->second) {
      if (state(other) == Tri::yes && other != role) {
        both = true;
        if (role < other)
          out.notes.push_back("roles " + role + " and " + other + " exclude each other: neither is held");
      } else if (state(other) == Tri::unknown) {
        perhaps = true;
      }
    }
    if (!both) (perhaps ? out.subject.unknown_roles : out.subject.roles).insert(role);
  }
}

std::string display_name(const Json& claims) {
  std::string name = string_member(claims, "name").value_or("");
  std::erase_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (name.size() <= name_bytes_max) return name;
  std::size_t end = name_bytes_max;  // not in the middle of a UTF-8 sequence
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0U) == 0x80U) --end;
  return name.substr(0, end);
}

Result<Json> read_claims(std::string_view text) {
  auto claims = parse_object(text, "IDN033", "the claims");
  if (!claims) return claims;
  if (!string_member(*claims, "iss") || !sane_sub(string_member(*claims, "sub").value_or(""))) {
    return fail("IDN033", "the claims lack iss or sub");
  }
  return claims;
}

}  // namespace

Result<Evaluated> evaluate(std::string_view text, const model::IdentityProvider& provider,
                           const model::Model& model) {
  const auto claims = read_claims(text);
  if (!claims) return tl::unexpected(claims.error());
  if (string_member(*claims, "iss") != provider.issuer.value)
    return fail("IDN033", "the claims are of another issuer");
  Evaluated out;
  model::Subject& subject = out.subject;
  subject.signed_in = true;
  subject.issuer = provider.issuer.value;
  subject.sub = claims->at("sub").get<std::string>();
  subject.name = display_name(*claims);
  subject.email = verified_email(*claims, provider, out.notes);
  if (const auto acr = string_member(*claims, "acr"); acr && provider.acr.contains(*acr)) {
    subject.acr = provider.acr.at(*acr);
  }
  if (const auto time = claims->find("auth_time"); time != claims->end())
    subject.auth_time = numeric_date(*time);

  const Facts facts{groups_of(*claims, provider), subject.email, *claims};
  if (!facts.groups) {
    out.notes.emplace_back(elsewhere(*claims, provider.groups_claim)
                               ? "the provider put the groups elsewhere (overage): they count as unknown"
                               : "the provider sent no usable groups: they count as unknown");
  }
  std::map<std::string, Tri> judged;
  for (const auto& [name, role] : model.roles) {
    if (may_assert(provider, name)) judged[name] = judge(role, facts);
  }
  apply_exclusions(model, judged, out);
  return out;
}

Result<std::string> restrict_claims(std::string_view text, const model::IdentityProvider& provider,
                                    const model::Model& model) {
  auto claims = read_claims(text);
  if (!claims) return tl::unexpected(claims.error());
  std::set<std::string> wanted{"iss", "sub", "acr", "auth_time", "name", "email_verified", "_claim_names"};
  wanted.insert({provider.groups_claim, provider.email_claim});
  for (const auto& [name, role] : model.roles) {
    for (const MemberLiteral& literal : role.members) {
      if (literal.kind == MemberLiteral::Kind::claim) wanted.insert(literal.claim);
    }
  }
  Json kept = Json::object();
  for (const auto& [name, value] : claims->items()) {
    if (wanted.contains(name)) kept[name] = value;
  }
  std::string out = dump(kept);
  if (out.size() <= kept_claims_bytes_max) return out;
  // Too much to keep: what names the person stays, every list becomes unknown.
  Json small = Json::object();
  for (const auto& [name, value] : kept.items()) {
    const bool long_text =
        value.is_string() && value.get_ref<const std::string&>().size() > kept_string_bytes_max;
    if (!value.is_structured() && !long_text && !elsewhere(kept, name)) small[name] = value;
  }
  return dump(small);
}

Result<std::string> without_attributes(std::string_view text) {
  auto claims = read_claims(text);
  if (!claims) return tl::unexpected(claims.error());
  Json kept = Json::object();
  for (const char* name : {"iss", "sub", "name", "acr", "auth_time"}) {
    if (claims->contains(name)) kept[name] = claims->at(name);
  }
  return dump(kept);
}

Result<std::string> with_authentication_of(std::string_view former, std::string_view fresh) {
  const auto before = read_claims(former);
  auto now = read_claims(fresh);
  if (!before) return tl::unexpected(before.error());
  if (!now) return tl::unexpected(now.error());
  for (const char* name : {"acr", "auth_time"}) {
    now->erase(name);
    if (before->contains(name)) (*now)[name] = before->at(name);
  }
  return dump(*now);
}

}  // namespace durward::identity
