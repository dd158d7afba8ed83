// Certificates on their way from the bundle's directory to HAProxy: checked here, so that a half-written file
// never meets a running gateway.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "generation/generation.h"

namespace durward::app {

struct ChangedCertificate {
  std::string haproxy_name;  // as the configuration names it
  std::string pem;
};

// Copies each listener's PEM files to `target`/INDEX when they differ; files that are gone stay until a
// restart. A file must hold a certificate and the key that fits it. Returns what changed; new names need a
// reload and are not among them. Errors: APP020 (names the file), SYS….
Result<std::vector<ChangedCertificate>> copy_certificates(const generation::Generation& generation,
                                                          const std::string& bundle,
                                                          const std::string& target);

}  // namespace durward::app
