// A store in memory with the semantics of store.h: compares, revisions, history, wait, leases. For tests.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "store/validate.h"
#include "sys/clock.h"

namespace durward::testing {

class MemoryStore final : public store::Store {
 public:
  explicit MemoryStore(const sys::Clock& clock) : clock_(clock) {}

  // The next `count` calls of transact() fail as a store would.
  void fail_transactions(int count, std::string code) {
    auto data = data_.lock();
    data->failures = count;
    data->failure_code = std::move(code);
  }
  // Runs before the next transaction is judged, outside the lock: what another writer did in between.
  void before_next_transaction(std::function<void()> action) { data_.lock()->intruder = std::move(action); }

  Result<store::Revision> revision() override { return data_.lock()->revision; }

  Result<std::optional<store::Entry>> get(const std::string& key,
                                          std::optional<store::Revision> at) override {
    auto entries = list(key, at);
    if (!entries) return tl::unexpected(entries.error());
    if (entries->empty() || entries->front().key != key) return std::nullopt;
    return entries->front();
  }

  Result<std::vector<store::Entry>> list(const std::string& prefix,
                                         std::optional<store::Revision> at) override {
    auto data = data_.lock();
    const store::Revision when = at.value_or(data->revision);
    if (when < data->compacted || when > data->revision) return fail("STO004", "that revision is not here");
    std::vector<store::Entry> out;
    for (auto it = data->history.lower_bound(prefix); it != data->history.end(); ++it) {
      if (!it->first.starts_with(prefix)) break;
      const Version* last = nullptr;
      for (const Version& version : it->second) {
        if (version.revision <= when) last = &version;
      }
      if (last != nullptr && last->value) out.push_back({it->first, *last->value, last->revision});
    }
    return out;
  }

  Result<store::Committed> transact(const store::Transaction& transaction) override {
    if (Status good = store::validate(transaction); !good) return tl::unexpected(good.error());
    std::function<void()> intruder;
    std::swap(intruder, data_.lock()->intruder);
    if (intruder) intruder();
    auto data = data_.lock();
    if (data->failures > 0) {
      --data->failures;
      return fail(data->failure_code, "the store was told to fail");
    }
    for (const store::Compare& compare : transaction.compares) {
      if (modified(*data, compare.key) != compare.modified) return store::Committed{false, data->revision};
    }
    for (const store::Put& put : transaction.puts) {
      if (put.lease != 0 && !alive(*data, put.lease)) return fail("STO006", "no such lease");
    }
    const store::Revision next = data->revision + 1;
    bool changed = false;
    for (const std::string& key : transaction.deletes) {
      if (modified(*data, key) == 0) continue;
      data->history[key].push_back({next, std::nullopt, 0});
      changed = true;
    }
    for (const store::Put& put : transaction.puts) {
      data->history[put.key].push_back({next, put.value, put.lease});
      changed = true;
    }
    if (changed) data->revision = next;
    changed_.notify_all();
    return store::Committed{true, data->revision};
  }

  Result<std::vector<store::Change>> wait(const std::string& prefix, store::Revision after,
                                          std::chrono::milliseconds timeout) override {
    auto data = data_.lock();
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
      if (after < data->compacted || after > data->revision)
        return fail("STO004", "that revision is not here");
      auto changes = since(*data, prefix, after);
      if (!changes.empty() || data->interrupted) return changes;
      if (changed_.wait_until(data.lock(), deadline) == std::cv_status::timeout) {
        return since(*data, prefix, after);
      }
    }
  }

  void interrupt() override {
    data_.lock()->interrupted = true;
    changed_.notify_all();
  }

  Result<store::LeaseId> grant(std::chrono::seconds ttl) override {
    auto data = data_.lock();
    const store::LeaseId id = ++data->last_lease;
    data->leases[id] = {ttl, clock_.steady() + ttl};
    return id;
  }
  Status keep_alive(store::LeaseId lease) override {
    auto data = data_.lock();
    if (!alive(*data, lease)) return fail("STO006", "no such lease");
    data->leases[lease].end = clock_.steady() + data->leases[lease].ttl;
    return {};
  }
  Result<std::size_t> expire() override {
    auto data = data_.lock();
    std::set<store::LeaseId> lapsed;
    for (const auto& [id, lease] : data->leases) {
      if (lease.end <= clock_.steady()) lapsed.insert(id);
    }
    std::size_t gone = 0;
    for (auto& [key, versions] : data->history) {
      if (!versions.back().value || !lapsed.contains(versions.back().lease)) continue;
      versions.push_back({data->revision + 1, std::nullopt, 0});
      ++gone;
    }
    for (const store::LeaseId id : lapsed) data->leases.erase(id);
    if (gone > 0) ++data->revision;
    changed_.notify_all();
    return gone;
  }
  Status compact(store::Revision before) override {
    auto data = data_.lock();
    data->compacted = std::max(data->compacted, std::min(before, data->revision));
    return {};
  }

 private:
  struct Version {
    store::Revision revision = 0;
    std::optional<std::string> value;
    store::LeaseId lease = 0;
  };
  struct Lease {
    std::chrono::seconds ttl{};
    std::chrono::steady_clock::time_point end;
  };
  struct Data {
    std::map<std::string, std::vector<Version>> history;
    std::map<store::LeaseId, Lease> leases;
    store::Revision revision = 0;
    store::Revision compacted = 0;
    store::LeaseId last_lease = 0;
    bool interrupted = false;
    int failures = 0;
    std::string failure_code;
    std::function<void()> intruder;
  };

  bool alive(const Data& data, store::LeaseId lease) const {
    const auto found = data.leases.find(lease);
    return found != data.leases.end() && clock_.steady() < found->second.end;
  }
  static store::Revision modified(const Data& data, const std::string& key) {
    const auto found = data.history.find(key);
    if (found == data.history.end() || !found->second.back().value) return 0;
    return found->second.back().revision;
  }
  static std::vector<store::Change> since(const Data& data, const std::string& prefix,
                                          store::Revision after) {
    std::vector<store::Change> out;
    for (auto it = data.history.lower_bound(prefix); it != data.history.end(); ++it) {
      if (!it->first.starts_with(prefix)) break;
      for (const Version& version : it->second) {
        if (version.revision > after) out.push_back({it->first, version.value, version.revision});
      }
    }
    std::ranges::stable_sort(out, {}, &store::Change::revision);
    return out;
  }

  const sys::Clock& clock_;
  Guarded<Data> data_;
  std::condition_variable changed_;
};

}  // namespace durward::testing
