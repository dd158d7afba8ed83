// The watchable key-value store. Sessions, classes, the applied revision and the operator's switches live
// here; everything else in Durward is a view of it. Four operations, as etcd has them, so that a fleet can
// later put etcd under the same interface: read at a revision, transaction with compares, watch a prefix,
// lease.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace durward::store {

using Revision =
    std::uint64_t;  // grows by one with each transaction that changes anything; 0 = before the first
using LeaseId = std::uint64_t;  // 0 = none

struct Entry {
  std::string key;
  std::string value;
  Revision modified = 0;  // the revision that wrote it
};

struct Compare {
  std::string key;
  Revision modified = 0;  // must be the key's `modified`; 0 = the key must not exist
};

struct Put {
  std::string key;
  std::string value;
  LeaseId lease = 0;  // the key goes when the lease lapses
};

struct Transaction {
  std::vector<Compare> compares;  // all must hold, else nothing is done
  std::vector<Put> puts;
  std::vector<std::string> deletes;
};

struct Committed {
  bool applied = false;   // false: a compare failed
  Revision revision = 0;  // of the store after the call
};

struct Change {
  std::string key;
  std::optional<std::string> value;  // nothing = deleted
  Revision revision = 0;
};

// What one transaction may hold; STO007 beyond. Many more would hold up every other writer.
constexpr std::size_t key_bytes_max = 1024;
constexpr std::size_t value_bytes_max = 1U << 20;
constexpr std::size_t transaction_operations_max = 20'000;  // compares, puts and deletes together
constexpr std::size_t changes_max = 20'000;  // wait() gives about so many at a time; a revision is never cut

// Errors, all calls: STO001 busy (try again), STO002 disk full, STO003 damaged or unreadable, STO004 that
// revision is not here (compacted, or not yet written: list again), STO005 schema newer than this program,
// STO006 no such lease, STO007 a transaction that cannot be meant (a key empty, too long, or put or deleted
// twice; too large). A call that returns an error changed nothing. Every method may be called from any
// thread.
class Store {
 public:
  virtual ~Store() = default;
  virtual Result<Revision> revision() = 0;
  virtual Result<std::optional<Entry>> get(const std::string& key, std::optional<Revision> at = {}) = 0;
  // Entries whose key begins with `prefix`, sorted by key (as bytes).
  virtual Result<std::vector<Entry>> list(const std::string& prefix, std::optional<Revision> at = {}) = 0;
  // Durable (fsync) when it returns applied. Deleting a key that is not there changes nothing; putting the
  // value that is there already is a change. A put without a lease takes the key out of the lease it had.
  virtual Result<Committed> transact(const Transaction& transaction) = 0;
  // Changes under `prefix` with revision > `after`, by revision, then key; blocks until there is one,
  // `timeout` has passed (then empty), or interrupt() was called. STO004 when `after` is compacted. Take the
  // last change's revision as the next `after`.
  virtual Result<std::vector<Change>> wait(const std::string& prefix, Revision after,
                                           std::chrono::milliseconds timeout) = 0;
  virtual void interrupt() = 0;  // wakes every wait(), now and for good: for shutdown
  virtual Result<LeaseId> grant(std::chrono::seconds ttl) = 0;
  // Another full ttl from now. STO006 once it has lapsed, even before expire(): a lapsed lease does not come
  // back.
  virtual Status keep_alive(LeaseId lease) = 0;
  // Deletes the keys of lapsed leases; returns how many keys went. The owner calls it from a timer.
  virtual Result<std::size_t> expire() = 0;
  // Forgets history older than `before` (at most the present revision); current values stay. Reads at
  // `before` and later still work.
  virtual Status compact(Revision before) = 0;
};

}  // namespace durward::store
