#include "store/sqlite_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "store/validate.h"

namespace durward::store {
namespace {

constexpr std::size_t expire_keys_max = 10'000;    // of one transaction, so that other writers get a turn
constexpr Revision compact_revisions_max = 1'000;  // likewise
constexpr std::chrono::seconds ttl_max = std::chrono::years(100);  // its ms and its end fit 64 bits

tl::unexpected<Error> no_such_lease(LeaseId lease) {
  return fail("STO006", fmt::format("there is no lease {}, or it has lapsed", lease), "grant a new one");
}

}  // namespace

Result<Writer> Writer::create(Connection connection) {
  Writer writer(std::move(connection));
  const Status prepared = prepare_all(
      writer.connection_,
      {{&writer.bounds_, bounds_sql},
       {&writer.modified_, "SELECT revision FROM present WHERE key = ?1"},
       {&writer.add_version_, "INSERT INTO history (key, revision, value) VALUES (?1, ?2, ?3)"},
       {&writer.set_present_, "REPLACE INTO present (key, revision, lease) VALUES (?1, ?2, ?3)"},
       {&writer.remove_present_, "DELETE FROM present WHERE key = ?1"},
       {&writer.set_revision_, "UPDATE meta SET value = ?1 WHERE name = 'revision'"},
       {&writer.add_lease_, "INSERT INTO lease (ttl_ms, ends_ms) VALUES (?1, ?2)"},
       {&writer.lease_end_, "SELECT ends_ms FROM lease WHERE id = ?1"},
       {&writer.renew_lease_, "UPDATE lease SET ends_ms = ?2 + ttl_ms WHERE id = ?1 AND ends_ms > ?2"},
       {&writer.lapsed_keys_,
        "SELECT key FROM lease CROSS JOIN present ON present.lease = lease.id AND present.lease <> 0"
        " WHERE ends_ms <= ?1 LIMIT ?2"},
       {&writer.remove_lapsed_leases_, "DELETE FROM lease WHERE ends_ms <= ?1"},
       {&writer.versions_between_,
        "SELECT key, revision, value IS NULL FROM history INDEXED BY history_by_revision"
        " WHERE revision BETWEEN ?1 AND ?2 ORDER BY revision"},
       {&writer.forget_older_, "DELETE FROM history WHERE key = ?1 AND revision < ?2"},
       {&writer.set_compacted_, "UPDATE meta SET value = ?1 WHERE name = 'compacted'"}});
  if (!prepared) return tl::unexpected(prepared.error());
  return writer;
}

Result<Committed> Writer::transact(const Transaction& transaction, std::int64_t now_ms) {
  if (Status good = validate(transaction); !good) return tl::unexpected(good.error());
  auto sql = SqlTransaction::begin(connection_, SqlTransaction::Kind::write);
  if (!sql) return tl::unexpected(sql.error());
  const auto bounds = read_bounds(connection_, bounds_);
  if (!bounds) return tl::unexpected(bounds.error());
  const auto all_hold = holds(transaction.compares);
  if (!all_hold) return tl::unexpected(all_hold.error());
  if (!*all_hold) return Committed{false, bounds->present};
  if (Status live = check_leases(transaction.puts, now_ms); !live) return tl::unexpected(live.error());

  const Revision next = bounds->present + 1;
  bool changed = !transaction.puts.empty();
  for (const std::string& key : transaction.deletes) {
    const auto at = modified(key);
    if (!at) return tl::unexpected(at.error());
    if (*at == 0) continue;
    if (Status done = remove(key, next); !done) return tl::unexpected(done.error());
    changed = true;
  }
  for (const Put& one : transaction.puts) {
    if (Status done = put(one, next); !done) return tl::unexpected(done.error());
  }
  if (!changed) return Committed{true, bounds->present};
  if (Status done = set_revision_.bind(1, next).run(connection_); !done) return tl::unexpected(done.error());
  if (Status done = sql->commit(); !done) return tl::unexpected(done.error());
  return Committed{true, next};
}

Result<Revision> Writer::modified(const std::string& key) {
  const ResetAtEnd reset(modified_);
  const auto row = modified_.bind_blob(1, key).step(connection_);
  if (!row) return tl::unexpected(row.error());
  return *row ? modified_.integer(0) : 0;
}

Result<bool> Writer::holds(const std::vector<Compare>& compares) {
  for (const Compare& compare : compares) {
    const auto at = modified(compare.key);
    if (!at) return tl::unexpected(at.error());
    if (*at != compare.modified) return false;
  }
  return true;
}

Status Writer::check_leases(const std::vector<Put>& puts, std::int64_t now_ms) {
  std::set<LeaseId> leases;
  for (const Put& one : puts) {
    if (one.lease != 0) leases.insert(one.lease);
  }
  for (const LeaseId lease : leases) {
    const ResetAtEnd reset(lease_end_);
    const auto row = lease_end_.bind(1, lease).step(connection_);
    if (!row) return tl::unexpected(row.error());
    if (!*row || static_cast<std::int64_t>(lease_end_.integer(0)) <= now_ms) return no_such_lease(lease);
  }
  return {};
}

Status Writer::put(const Put& put, Revision revision) {
  Status done = add_version_.bind_blob(1, put.key).bind(2, revision).bind_blob(3, put.value).run(connection_);
  if (!done) return done;
  return set_present_.bind_blob(1, put.key).bind(2, revision).bind(3, put.lease).run(connection_);
}

Status Writer::remove(const std::string& key, Revision revision) {
  Status done = add_version_.bind_blob(1, key).bind(2, revision).bind_null(3).run(connection_);
  if (!done) return done;
  return remove_present_.bind_blob(1, key).run(connection_);
}

Result<LeaseId> Writer::grant(std::chrono::seconds ttl, std::int64_t now_ms) {
  const std::int64_t ttl_ms =
      std::chrono::milliseconds(std::clamp(ttl, std::chrono::seconds(0), ttl_max)).count();
  if (Status done = add_lease_.bind(1, ttl_ms).bind(2, now_ms + ttl_ms).run(connection_); !done) {
    return tl::unexpected(done.error());
  }
  return static_cast<LeaseId>(sqlite3_last_insert_rowid(connection_.handle()));
}

Status Writer::keep_alive(LeaseId lease, std::int64_t now_ms) {
  if (Status done = renew_lease_.bind(1, lease).bind(2, now_ms).run(connection_); !done) return done;
  if (connection_.changes() == 0) return no_such_lease(lease);
  return {};
}

Result<Writer::Expired> Writer::expire_some(std::int64_t now_ms) {
  auto sql = SqlTransaction::begin(connection_, SqlTransaction::Kind::write);
  if (!sql) return tl::unexpected(sql.error());
  const auto keys = lapsed_keys(now_ms);
  if (!keys) return tl::unexpected(keys.error());
  const bool more = keys->size() == expire_keys_max;
  if (!keys->empty()) {
    const auto bounds = read_bounds(connection_, bounds_);
    if (!bounds) return tl::unexpected(bounds.error());
    for (const std::string& key : *keys) {
      if (Status done = remove(key, bounds->present + 1); !done) return tl::unexpected(done.error());
    }
    Status done = set_revision_.bind(1, bounds->present + 1).run(connection_);
    if (!done) return tl::unexpected(done.error());
  }
  bool changed = !keys->empty();
  if (!more) {  // a lease goes only after the last of its keys
    if (Status done = remove_lapsed_leases_.bind(1, now_ms).run(connection_); !done) {
      return tl::unexpected(done.error());
    }
    changed = changed || connection_.changes() > 0;
  }
  if (changed) {
    if (Status done = sql->commit(); !done) return tl::unexpected(done.error());
  }
  return Expired{keys->size(), more};
}

Result<std::vector<std::string>> Writer::lapsed_keys(std::int64_t now_ms) {
  const ResetAtEnd reset(lapsed_keys_);
  lapsed_keys_.bind(1, now_ms).bind(2, expire_keys_max);
  std::vector<std::string> keys;
  while (true) {
    const auto row = lapsed_keys_.step(connection_);
    if (!row) return tl::unexpected(row.error());
    if (!*row) return keys;
    keys.emplace_back(lapsed_keys_.blob(0));
  }
}

Result<bool> Writer::compact_some(Revision before) {
  auto sql = SqlTransaction::begin(connection_, SqlTransaction::Kind::write);
  if (!sql) return tl::unexpected(sql.error());
  const auto bounds = read_bounds(connection_, bounds_);
  if (!bounds) return tl::unexpected(bounds.error());
  const Revision goal = std::min(before, bounds->present);
  if (goal <= bounds->compacted) return true;
  const Revision until = std::min(goal, bounds->compacted + compact_revisions_max);
  if (Status done = forget_superseded(bounds->compacted, until); !done) return tl::unexpected(done.error());
  if (Status done = set_compacted_.bind(1, until).run(connection_); !done)
    return tl::unexpected(done.error());
  if (Status done = sql->commit(); !done) return tl::unexpected(done.error());
  return until == goal;
}

// Drives from the versions that supersede others, so the work is that of the changes since the last
// compaction, not of the whole store. `from` itself is among them: a deletion made there was still needed by
// its waiters until now.
Status Writer::forget_superseded(Revision from, Revision until) {
  struct Version {
    std::string key;
    Revision keep_from = 0;
  };
  std::vector<Version> versions;
  {
    const ResetAtEnd reset(versions_between_);
    versions_between_.bind(1, from).bind(2, until);
    while (true) {
      const auto row = versions_between_.step(connection_);
      if (!row) return tl::unexpected(row.error());
      if (!*row) break;
      const Revision revision = versions_between_.integer(1);
      const bool deletion = versions_between_.integer(2) != 0;
      const bool forget_it_too = deletion && revision < until;
      versions.push_back({std::string(versions_between_.blob(0)), forget_it_too ? revision + 1 : revision});
    }
  }
  for (const Version& version : versions) {
    const Status done = forget_older_.bind_blob(1, version.key).bind(2, version.keep_from).run(connection_);
    if (!done) return done;
  }
  return {};
}

}  // namespace durward::store
