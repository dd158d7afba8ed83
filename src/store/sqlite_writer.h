// The writing half of the SQLite store: one connection, each call one transaction. Internal to store/.
#pragma once

#include <chrono>
#include <cstdint>

#include "store/sqlite.h"
#include "store/sqlite_reader.h"
#include "store/store.h"

namespace durward::store {

// Not thread-safe. Errors: as store.h; times are the wall clock's, in ms since 1970.
class Writer {
 public:
  static Result<Writer> create(Connection connection);

  Result<Committed> transact(const Transaction& transaction, std::int64_t now_ms);
  Result<LeaseId> grant(std::chrono::seconds ttl, std::int64_t now_ms);
  Status keep_alive(LeaseId lease, std::int64_t now_ms);

  struct Expired {
    std::size_t keys = 0;
    bool more = false;  // lapsed keys are left for the next call
  };
  Result<Expired> expire_some(std::int64_t now_ms);

  // Goes some way towards `before`; returns whether it has arrived.
  Result<bool> compact_some(Revision before);

 private:
  explicit Writer(Connection connection) : connection_(std::move(connection)) {}
  Result<Revision> modified(const std::string& key);
  Result<bool> holds(const std::vector<Compare>& compares);
  Status check_leases(const std::vector<Put>& puts, std::int64_t now_ms);
  Status put(const Put& put, Revision revision);
  Status remove(const std::string& key, Revision revision);
  Result<std::vector<std::string>> lapsed_keys(std::int64_t now_ms);
  Status forget_superseded(Revision from, Revision until);

  Connection connection_;
  Statement bounds_, modified_, add_version_, set_present_, remove_present_, set_revision_;
  Statement add_lease_, lease_end_, renew_lease_, lapsed_keys_, remove_lapsed_leases_;
  Statement versions_between_, forget_older_, set_compacted_;
};

}  // namespace durward::store
