// The running HAProxy: sends batches to the serving worker and revocations to those that are still draining.
// Any reply that is not on the list is an error; the reconciler then resyncs. Reconciler's thread only.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/haproxy.h"
#include "dataplane/mirror.h"
#include "dataplane/open_streams.h"
#include "dataplane/runtime_api.h"

namespace durward::dataplane {

class Live {
 public:
  Live(const Haproxy& haproxy, Mirror& mirror);

  void attach(int worker);  // speak to this worker from now on
  // What the worker that is attached logs until it ends, a line after a line, from the oldest in its ring:
  // its conversation, so the next is to attach() to another. Nothing when there is none.
  std::optional<sys::Fd> take_log();
  // Whether an old worker has nobody to answer any more.
  bool drained(int pid) const;
  // Has the ring connect to its reader anew.
  Status reconnect_log();
  // After a reply that fits no list the conversation may be out of step: the next one begins anew.
  void hang_up() { api_.reset(); }
  int worker() const { return worker_; }
  void set_old_workers(std::vector<int> pids) { old_workers_ = std::move(pids); }

  Status send(const Delta& delta);
  // Everything anew: maps staged and committed, tables compared and mended, then the gate opened for this
  // worker.
  Status resync(const generation::Generation& generation, sys_seconds now, sys_seconds lease_end);
  Status replace_map(const std::string& file, const generation::Rows& rows);  // one atomic commit
  Status replace_verdicts(const generation::Rows& rows);
  // Some rows of a map, without a commit: those of `other` have another value there.
  Status change_rows(const std::string& file, const generation::Rows& fresh, const generation::Rows& other);

  // A mutable map written anew beside the one in force, over many calls; one at a time. What send() adds
  // meanwhile is staged, too. `upto`: the last key that was staged, in the order of keys ("" = see verdicts).
  Status stage_begins(const char* map);
  Status stage(const generation::Rows& rows, const std::string& upto);
  Status stage_commits(const std::optional<std::pair<std::string, std::string>>& sample);
  void stage_ends();  // without a commit
  Status set_slots(sys_seconds now);
  Status set_lease(sys_seconds end);
  Status set_generation(const std::string& name);
  // An old worker answers what it has begun and nothing else: over a connection that a client keeps, its
  // rules would be those of before for as long as it lives.
  Status retire(int pid);
  // From now on each answer over HTTP/1 ends its connection, or not.
  Status set_closing(bool closing);
  Status replace_certificate(const std::string& file, const std::string& pem);

  // Whether a row of each map that was committed is there still. Error: DAT011, somebody else was at it.
  Status check_samples();
  Result<std::string> generation_in_force();  // as the last flip left it
  Result<std::string> running_generation();   // what the serving worker was started with
  std::optional<std::uint64_t> last_sequence(int pid) const;
  std::size_t take_streams_cut() { return std::exchange(streams_cut_, 0); }

 private:
  Result<std::string> ask(const std::string& command);
  Status change(const std::string& command);
  Status change_all(const std::vector<std::string>& commands);
  Status add_rows(const std::string& file, unsigned version, const generation::Rows& rows);
  Status read_back(const std::string& file, const std::pair<std::string, std::string>& row);
  Status put_identities(const std::vector<SessionChange>& changes);
  Status set_identity(const std::string& key, const std::string& identity, bool known);
  Status end(const std::vector<SessionRow>& gone);  // in every worker
  Status end_all(const std::vector<SessionRow>& gone);
  Status resync_tables(const std::vector<std::string>& letters);
  Status cut_streams(const std::vector<SessionRow>& gone);
  Status cut_streams_of(int pid, const std::set<std::string>& keys);  // pid 0 = the serving worker
  Status cut_in_old_worker(int pid, const OpenStreams::Ids& wanted);
  Result<std::string> ask_pid(int pid, const std::string& command);
  std::string runtime(const char* map) const;

  const Haproxy& haproxy_;
  Mirror& mirror_;
  WorkerApi api_;
  OpenStreams streams_;
  int worker_ = 0;
  std::vector<int> old_workers_;
  std::size_t streams_cut_ = 0;
  std::map<std::string, std::string> samples_;  // file -> key of a row that was read back
  struct Stage {
    std::string file;
    unsigned version = 0;
    std::string upto;
    generation::Rows again;  // rows that were staged before they changed
  };
  std::optional<Stage> stage_;
};

}  // namespace durward::dataplane
