// Workers that were replaced and have somebody to answer still: revocations must reach them, and what they
// log must be read. Reconciler's thread only.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "dataplane/live.h"
#include "dataplane/reconciler.h"

namespace durward::dataplane {

class Draining {
 public:
  Draining(Live& live, Observer& observer) : live_(live), observer_(observer) {}

  // `worker` serves from now on. What the one before logs goes to the observer.
  void turn_to(int worker);
  // It was replaced by our own reload. Those of earlier ones may be draining still.
  void add(int worker);
  // Those that were replaced answer nothing new from now on. Once there is a worker that does.
  void retire();
  // All that the master knows of.
  void watch(const std::vector<int>& pids);
  // Likewise, of a HAProxy that we have not spoken to before, and which worker serves.
  void find(int worker, const std::vector<int>& old_workers);
  std::vector<int> workers() const;

 private:
  Live& live_;
  Observer& observer_;
  std::map<int, std::uint64_t> last_;  // pid -> last sequence number read
  std::set<int> followed_;             // those whose log the observer reads
  std::set<int> retired_;
};

}  // namespace durward::dataplane
