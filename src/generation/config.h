// haproxy.cfg and the pages it serves. Read config.cc from the top: it is the request's way through HAProxy.
#pragma once

#include <map>
#include <string>

#include "generation/generation.h"
#include "generation/routes.h"

namespace durward::generation {

struct ConfigInput {
  const policy::PolicySet& policies;
  const Platform& platform;
  const CredentialPaths& credentials;
  const Routing& routing;
  const std::vector<std::string>& certificate_directories;
  const std::vector<std::string>& login_tables;
};

std::string render_config(const ConfigInput& input);
std::map<std::string, std::string> render_pages();

}  // namespace durward::generation
