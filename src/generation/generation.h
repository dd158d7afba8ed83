// A generation: one immutable, content-named configuration for HAProxy: haproxy.cfg, its maps and its pages.
//
// Pure and deterministic: equal input gives equal bytes and so an equal name. What changes with logins and
// with the clock (verdicts, sessions, identity rows, slots, the lease) is not part of a generation; rows.h
// says how it is spelt.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/diagnostics.h"
#include "base/shared_list.h"
#include "policy/compile.h"

namespace durward::generation {

// Rows of a map, sorted by key, keys unique, neither part ever empty.
using Row = std::pair<std::string, std::string>;
using Rows = std::vector<Row>;
// The same of a whole estate: a generation shares with the one before it what it has in common with it.
using SharedRows = SharedList<Row>;

// Where HAProxy runs. Part of the input, so part of the name.
struct Platform {
  int version_major = 2;  // of the HAProxy that will load it
  int version_minor = 6;
  unsigned threads = 0;  // 0 = HAProxy's choice
  // How the configuration names the mutable maps and the sockets. The defaults fit Durward's state directory;
  // relative names count from the directory of haproxy.cfg.
  std::string runtime = "../../runtime";
  std::string sockets = "${DURWARD_RUN}";  // set in HAProxy's environment by whoever starts it
  // Beside an operator's own configuration: what concerns the whole process is theirs to set.
  bool attached = false;
  std::uint64_t sessions_max = 1'100'000;  // rows of a session table
  bool operator==(const Platform&) const = default;
};

// Credentials in the form HAProxy needs: name -> absolute path of a PEM file. Values never enter a
// generation.
using CredentialPaths = std::map<std::string, std::string>;

// What of the configuration depends on the routes of all hosts together.
struct HostShape {
  unsigned steps = 0;              // the most lookups after the first that any path needs
  std::vector<bool> step_lengths;  // [n] = some value is ">n|…"
  auto operator<=>(const HostShape&) const = default;
};

struct Generation {
  std::string name;                        // 12 hex digits of SHA-256 over everything below
  std::string config;                      // haproxy.cfg
  std::map<std::string, SharedRows> maps;  // "routes.map", "sources.map", "hints.map", "rules.map"
  std::map<std::string, std::string> pages;
  // Route row -> "a,b;c": ids of the rules behind each ordinal; for readers of the log, not for HAProxy.
  SharedRows rule_ids;
  policy::PolicySetPtr policies;  // what it was made from
  // Directories of PEM files that HAProxy reads, as the bundle names them; relative to the root bundle.
  std::vector<std::string> certificate_directories;
  std::vector<std::string> login_tables;  // idle lifetimes in seconds, by table letter: 'a' + index
  // How it was made, so that the next can be made from it.
  Platform platform;
  CredentialPaths credentials;
  std::map<HostShape, std::size_t> host_shapes;  // how many hosts have it
  std::size_t backends_at = 0;                   // in config: what follows speaks of single apps
};
using GenerationPtr = std::shared_ptr<const Generation>;

// Null when it reported an error (GEN…): a bound was passed. Needs policies->model resolved without errors.
GenerationPtr generate(policy::PolicySetPtr policies, const Platform& platform,
                       const CredentialPaths& credentials, Diagnostics& diagnostics);

// What generate() would make of `policies` for the same platform and credentials, by replacing in `before`
// what `part_before` says of a few apps by what `part_now` does (policy/update.h). Null when that will not
// do: then generate() tells. Only access may differ: hosts, upstreams and all outside of apps are the same.
GenerationPtr regenerate(const Generation& before, policy::PolicySetPtr policies,
                         const policy::PolicySet& part_before, const policy::PolicySet& part_now);

std::string map_text(const SharedRows& rows);
std::string map_text(const Rows& rows);  // the file's bytes: one "key value" line a row

// The letter of the session table with this idle lifetime; the table with the shortest when none fits.
char table_letter(const policy::PolicySet& policies, std::chrono::seconds idle);

}  // namespace durward::generation
