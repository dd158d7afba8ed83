// The HAProxy process: its directories on disk, start, check, reload, stop. It outlives us and is found again
// by its master socket.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "dataplane/runtime_api.h"
#include "generation/generation.h"

namespace durward::dataplane {

// Everything below Durward's state directory.
struct Paths {
  std::string state;
  std::string run() const { return state + "/run"; }
  std::string runtime() const { return state + "/runtime"; }
  std::string generations() const { return state + "/generations"; }
  std::string current() const { return state + "/current"; }
  std::string certificates() const { return state + "/certs"; }
  std::string log() const { return state + "/log"; }
  std::string database() const { return state + "/store.db"; }
  std::string admin_socket() const { return run() + "/admin.sock"; }
  std::string master_socket() const { return run() + "/master.sock"; }
  std::string edge_socket() const { return run() + "/edge.sock"; }
  std::string log_socket() const { return run() + "/log.sock"; }
  std::string control_socket() const { return run() + "/control.sock"; }
};

// Errors: DAT020 cannot write, DAT021 HAProxy refuses the configuration (its own words), DAT022 did not
// start, DAT023 did not take the reload, SYS….
class Haproxy {
 public:
  // Attached to an operator's HAProxy, `operator_config` is its own file, which loads ours with a further -f,
  // and `master_socket` is where its master listens.
  struct Attached {
    std::string operator_config;
    std::string master_socket;
  };
  Haproxy(std::string binary, Paths paths, std::optional<Attached> attached = {});

  // Writes generations/NAME whole and durable; what is there already is left.
  Status write(const generation::Generation& generation) const;
  // `haproxy -c` on generations/NAME. Makes the mutable maps that are missing.
  Status check(const generation::Generation& generation) const;
  Result<std::string> read_config(const std::string& generation) const;  // of one that was written
  Status publish(const generation::Generation& generation) const;  // current -> generations/NAME, atomically
  // Deletes all but the current generation and the `keep` newest.
  Status prune(unsigned keep) const;

  Result<Processes> processes() const { return master_.processes(); }
  Result<int> start() const;                 // the new worker's pid, when it answers
  Result<int> reload(int old_worker) const;  // likewise
  Status stop() const;                       // the master and all workers; bounded
  const MasterApi& master() const { return master_; }
  const Paths& paths() const { return paths_; }
  const std::string& binary() const { return binary_; }

 private:
  Status make_missing_maps() const;
  std::vector<std::string> command() const;
  struct Awaited {
    int not_this = 0;                                      // any worker but this one will do
    const char* code = nullptr;                            // of the error when none comes
    std::function<bool(const Result<Processes>&)> failed;  // there is nothing more to wait for
  };
  Result<int> await_worker(const Awaited& what) const;
  std::string binary_;
  Paths paths_;
  std::optional<Attached> attached_;
  MasterApi master_;
};

// "2.6.12" of `haproxy -v`. Errors: DAT024.
struct HaproxyVersion {
  int major = 0, minor = 0;
  std::string text;
};
Result<HaproxyVersion> haproxy_version(const std::string& binary);

}  // namespace durward::dataplane
