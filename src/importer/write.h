// The draft as files of a bundle, with comments that say which lines it came from.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "importer/apps.h"
#include "importer/gateway.h"

namespace durward::importer {

struct DraftFile {
  std::string path;  // below the bundle's root
  std::string text;
};

struct WrittenApp {
  DraftFile file;
  std::map<std::uint32_t, std::size_t> servers;  // line of the text -> index of the upstream's server
};

// `source` is the configuration's name for comments.
WrittenApp write_app(const AppDraft& app, const std::string& source);
// The Gateway, a provider to fill in, roles that nobody holds, and the authorities that upstreams want.
DraftFile write_root(const GatewayDraft& gateway, const std::vector<AppDraft>& apps, const RoleBook& roles,
                     const std::string& source);
std::set<std::string> roles_used(const std::vector<AppDraft>& apps);
std::string login_host(const std::vector<AppDraft>& apps);
// "acl office src 10.0.0.0/8", "userlist staff (users ann, bob)", "app web".
std::string role_origin(const RoleDraft& role);
std::string line_list(const std::string& source, const std::set<std::uint32_t>& lines);  // "haproxy.cfg:4, 7"

}  // namespace durward::importer
