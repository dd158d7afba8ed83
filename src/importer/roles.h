// The roles that a configuration stands for without knowing them: whoever comes from some addresses, whoever
// has a password in a list.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "importer/acl.h"

namespace durward::importer {

// "My App_1" -> "my-app-1": a name of the bundle language; `fallback` when nothing is left.
std::string bundle_name(std::string_view text, std::string_view fallback);

struct RoleDraft {
  enum class Of { addresses, login, app } of = Of::app;
  std::string name;
  std::string list;                  // of a login: the userlist's name
  std::string subject;               // the ACL's name, "userlist staff", the app's name
  std::vector<std::string> details;  // networks, or users
  std::vector<std::uint32_t> lines;
};

class RoleBook {
 public:
  explicit RoleBook(const Config& config) : config_(config) {}
  const std::string& of(const Acl& acl);  // of addresses or of logins
  const std::string& of_app(const std::string& app);
  const std::map<std::string, RoleDraft>& all() const { return roles_; }

 private:
  const std::string& add(const std::string& key, std::string wish, RoleDraft role);
  RoleDraft of_login(const Acl& acl) const;

  const Config& config_;
  std::map<std::string, RoleDraft> roles_;   // by name
  std::map<std::string, std::string> keys_;  // what it stands for -> name
};

}  // namespace durward::importer
