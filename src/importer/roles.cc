#include "importer/roles.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace durward::importer {
namespace {

constexpr std::size_t name_bytes_max = 63;
constexpr std::size_t suffix_bytes_max = 8;  // "-1234567"

// What an ACL's networks are as written; those of files are as many as their lines.
std::vector<std::string> networks(const Acl& acl) {
  std::vector<std::string> out;
  for (const Criterion& criterion : acl.criteria)
    for (const std::string& value : criterion.values) out.push_back(shown(value));
  return out;
}

}  // namespace

std::string bundle_name(std::string_view text, std::string_view fallback) {
  std::string out;
  for (const char c : lower_ascii(text)) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (fine)
      out += c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  out.resize(std::min(out.size(), name_bytes_max - suffix_bytes_max));
  while (out.ends_with('-')) out.pop_back();
  return out.empty() ? std::string(fallback) : out;
}

const std::string& RoleBook::add(const std::string& key, std::string wish, RoleDraft role) {
  const auto known = keys_.find(key);
  if (known != keys_.end()) {
    RoleDraft& there = roles_[known->second];
    for (const auto line : role.lines)
      if (std::find(there.lines.begin(), there.lines.end(), line) == there.lines.end())
        there.lines.push_back(line);
    return known->second;
  }
  std::string name = wish;
  for (int i = 2; roles_.contains(name); ++i) name = fmt::format("{}-{}", wish, i);
  role.name = name;
  roles_[name] = std::move(role);
  return keys_[key] = name;
}

const std::string& RoleBook::of(const Acl& acl) {
  if (!acl.addresses_only()) {
    RoleDraft role = of_login(acl);
    const std::string wish = bundle_name(role.subject.substr(role.subject.find(' ') + 1), "users");
    return add("login " + role.subject, wish, std::move(role));
  }
  RoleDraft role;
  role.of = RoleDraft::Of::addresses;
  role.details = networks(acl);
  role.lines = acl.lines();
  role.subject = acl.name;
  const std::string line = role.lines.empty() ? "" : fmt::format("-{}", role.lines.front());
  const std::string wish = acl.name.empty() ? "addresses" + line : bundle_name(acl.name, "addresses" + line);
  const std::string key = fmt::format("src {} {}", acl.name, join(acl.addresses().networks(), " "));
  return add(key, wish, std::move(role));
}

RoleDraft RoleBook::of_login(const Acl& acl) const {
  RoleDraft role;
  role.of = RoleDraft::Of::login;
  role.lines = acl.lines();
  const Criterion& first = acl.criteria.front();
  const std::string list = first.sample.argument;
  role.list = list;
  const bool group = first.sample.text.starts_with("http_auth_group");
  std::vector<std::string> groups;
  if (group)
    for (const std::string& value : first.values) groups.push_back(shown(value));
  role.subject = group ? "group " + join(groups, "-") : "userlist " + shown(list);
  const Section* users = config_.find("userlist", list);
  if (users == nullptr) return role;
  for (const Directive& directive : users->own)
    if (directive.is("user")) role.details.push_back(shown(directive.word(1)));
  return role;
}

const std::string& RoleBook::of_app(const std::string& app) {
  RoleDraft role;
  role.subject = app;
  return add("app " + app, app + "-users", std::move(role));
}

}  // namespace durward::importer
