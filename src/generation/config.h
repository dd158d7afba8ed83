// haproxy.cfg and the pages it serves. Read config.cc from the top: it is the request's way through HAProxy.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "generation/generation.h"

namespace durward::generation {

struct ConfigInput {
  const policy::PolicySet& policies;
  const Platform& platform;
  const CredentialPaths& credentials;
  const HostShape& routing;  // the widest of all hosts
  const std::vector<std::string>& certificate_directories;
  const std::vector<std::string>& login_tables;
};

// haproxy.cfg is the head, then the backends of all apps.
std::string render_head(const ConfigInput& input);
std::string render_backends(const ConfigInput& input, const std::vector<const model::App*>& apps);
std::map<std::string, std::string> render_pages();

}  // namespace durward::generation
