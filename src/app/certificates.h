// Certificates on their way from the bundle's directory to HAProxy: checked here, so that a half-written file
// never meets a running gateway.
#pragma once

#include <chrono>
#include <set>
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

// One PEM file of a listener's directory, looked at as a browser would.
struct CertificateReport {
  std::string file;
  Status usable;                              // a certificate, a key, and the two fit; APP020
  std::chrono::sys_seconds begins{}, ends{};  // set when usable
  std::set<std::string> covers;               // of the hosts asked about
};

// Errors: APP020 there is none in the directory; SYS….
Result<std::vector<CertificateReport>> inspect_certificates(const std::string& directory,
                                                            const std::vector<std::string>& hosts);
// Where the certificates of a listener lie; relative directories count from the root bundle.
std::string certificate_directory(const std::string& named, const std::string& bundle);

}  // namespace durward::app
