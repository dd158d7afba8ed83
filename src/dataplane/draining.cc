#include "dataplane/draining.h"

#include <algorithm>
#include <utility>

#include "base/mutant.h"

namespace durward::dataplane {

void Draining::turn_to(int worker) {
  const int before = live_.worker();
  auto log = live_.take_log();
  live_.attach(worker);
  if (before == 0 || !log || mutant("draining-log-lost")) return;
  followed_.insert(before);
  observer_.draining(before, std::move(*log));
}

void Draining::add(int worker) {
  last_[worker] = live_.last_sequence(worker).value_or(0);
  live_.set_old_workers(workers());
}

void Draining::retire() {
  for (const auto& [pid, last] : last_) {
    if (retired_.contains(pid) || mutant("old-workers-decide-on")) continue;
    if (auto done = live_.retire(pid))
      retired_.insert(pid);
    else
      observer_.failed(done.error());
  }
  std::erase_if(retired_, [&](int pid) { return !last_.contains(pid); });
}

void Draining::watch(const std::vector<int>& pids) {
  for (const auto& [pid, last] : last_)
    if (std::ranges::count(pids, pid) == 0) observer_.worker_ended(pid, last);
  std::erase_if(followed_, [&](int pid) {
    const bool drained = live_.drained(pid);
    if (drained) observer_.drained(pid);
    return drained;
  });
  std::map<int, std::uint64_t> still;
  for (const int pid : pids) still[pid] = live_.last_sequence(pid).value_or(last_[pid]);
  last_ = std::move(still);
  live_.set_old_workers(pids);
}

void Draining::find(int worker, const std::vector<int>& old_workers) {
  watch(old_workers);
  std::vector<int> all = old_workers;
  all.push_back(worker);
  observer_.found(all);
}

std::vector<int> Draining::workers() const {
  std::vector<int> pids;
  for (const auto& [pid, last] : last_) pids.push_back(pid);
  return pids;
}

}  // namespace durward::dataplane
