// A large estate, written as a bundle: what the figures of the control plane are measured on.
//
// One file an app, a directory a team of a hundred. Each app has a host of its own and three routes, two of
// them templated; its rules name roles drawn from all roles, so that policies differ as they do between
// teams. Equal options give equal bytes.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace durward::bench {

struct LargeEstate {
  std::string directory;  // of the root bundle; made
  unsigned apps = 10'000;
  unsigned roles = 1'000;
  unsigned apps_per_team = 100;
  std::uint16_t https_port = 8443;
  std::string issuer = "http://127.0.0.1:9443";  // of the one provider
  std::string servers = "127.0.0.1:8001";        // of every app
  std::string idle = "30m";
};

// The role that one rule of app 0 names and no other rule of the estate does.
inline constexpr const char* popular_role = "popular";
// The role that may read everything, and so has the most verdicts.
inline constexpr const char* auditor_role = "auditor";

Status write_large_estate(const LargeEstate& estate);
// Writes app 0 anew: the rule about `popular_role` asks for a login at most so many minutes old.
Status write_changed_app(const LargeEstate& estate, unsigned minutes);

std::string large_role(unsigned number);  // "role-17"
std::string large_host(unsigned app);     // "app-17.bench.test"

}  // namespace durward::bench
