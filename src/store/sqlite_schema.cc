#include "store/sqlite_schema.h"

#include <fmt/format.h>

#include <array>

#include "base/mutant.h"
#include "sys/file.h"
#include "sys/file_store.h"

namespace durward::store {
namespace {

constexpr std::uint64_t application_id = 0x44757277;  // "Durw", in the header of every file of ours

// Step n brings version n to n+1. Never edit one that was released: add the next.
constexpr std::array migrations{
    // `history` is every version of every key, a NULL value marking a deletion; `present` says which of them
    // is the
    // latest, and only of keys that exist. Revisions start at 1.
    R"(
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO meta VALUES ('schema', 0), ('revision', 0), ('compacted', 0);
    CREATE TABLE history (key BLOB, revision INTEGER, value BLOB, PRIMARY KEY (key, revision)) WITHOUT ROWID;
    CREATE INDEX history_by_revision ON history (revision);
    CREATE TABLE present (key BLOB PRIMARY KEY, revision INTEGER NOT NULL, lease INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX present_by_lease ON present (lease) WHERE lease <> 0;
    CREATE TABLE lease (id INTEGER PRIMARY KEY AUTOINCREMENT, ttl_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL);
    CREATE INDEX lease_by_end ON lease (ends_ms);
    PRAGMA application_id = 0x44757277;
    )",
};
constexpr std::uint64_t schema_version = migrations.size();

Result<std::uint64_t> ask_integer(const Connection& connection, const char* sql) {
  auto statement = Statement::prepare(connection, sql);
  if (!statement) return tl::unexpected(statement.error());
  const auto row = statement->step(connection);
  if (!row) return tl::unexpected(row.error());
  return *row ? statement->integer(0) : 0;
}

Status check_integrity(const Connection& connection, const std::string& path) {
  auto statement = Statement::prepare(connection, "PRAGMA quick_check(1)");
  if (!statement) return tl::unexpected(statement.error());
  const auto row = statement->step(connection);
  if (!row) return tl::unexpected(row.error());
  const std::string_view found = *row ? statement->blob(0) : "no answer";
  if (found == "ok") return {};
  return fail("STO003", fmt::format("the store '{}' is damaged: {}", path, found),
              "stop durward and restore the file from a backup; its sessions are lost otherwise");
}

// 0 for a new, empty file.
Result<std::uint64_t> version_of(const Connection& connection, const std::string& path) {
  const auto id = ask_integer(connection, "PRAGMA application_id");
  if (!id) return id;
  const auto objects = ask_integer(connection, "SELECT count(*) FROM sqlite_schema");
  if (!objects) return objects;
  if (*id == 0 && *objects == 0) return 0;
  if (*id != application_id) {
    return fail("STO003", fmt::format("'{}' is a database of another program", path),
                "name another path; durward does not touch this file");
  }
  return ask_integer(connection, "SELECT value FROM meta WHERE name = 'schema'");
}

Status migrate(Connection& connection, const std::string& path) {
  // Under the write lock, so that two starting programs do not both take the first step.
  auto transaction = SqlTransaction::begin(connection, SqlTransaction::Kind::write);
  if (!transaction) return tl::unexpected(transaction.error());
  const auto version = version_of(connection, path);
  if (!version) return tl::unexpected(version.error());
  if (*version > schema_version) {
    return fail("STO005",
                fmt::format("the store '{}' has schema {}, this program knows up to {}", path, *version,
                            schema_version),
                "run the newer durward that wrote it, or restore the backup taken before the upgrade");
  }
  if (*version == schema_version) return {};
  for (std::uint64_t step = *version; step < schema_version; ++step) {
    if (Status done = connection.execute(migrations[step]); !done) return done;
    const std::string record = fmt::format("UPDATE meta SET value = {} WHERE name = 'schema'", step + 1);
    if (Status done = connection.execute(record.c_str()); !done) return done;
  }
  return transaction->commit();
}

}  // namespace

Result<Connection> open_again(const std::string& path) {
  auto connection = Connection::open(path);
  if (!connection) return connection;
  // FULL: a commit is on the disk when it returns. WAL: readers do not wait for it. What it holds goes into
  // the file from expire(); here only when nobody calls that, since the commit that has to do it waits a
  // tenth of a second.
  Status set = connection->execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;"
      "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA journal_size_limit = 67108864;"
      "PRAGMA wal_autocheckpoint = 16384");
  if (mutant("store-commit-not-synced")) set = connection->execute("PRAGMA synchronous = OFF");
  if (!set) return tl::unexpected(set.error());
  return connection;
}

Result<Connection> open_store_file(const std::string& path) {
  if (Status made = sys::ensure_private_file(path); !made) {
    return fail("STO003", made.error().message, made.error().hint);
  }
  if (mutant("forget-revocation-on-restart")) (void)sys::remove_file(path + "-wal");
  // A file of another program is refused before any setting is written to it.
  {
    auto looking = Connection::open(path);
    if (!looking) return looking;
    const auto version = version_of(*looking, path);
    if (!version) return tl::unexpected(version.error());
  }
  auto connection = open_again(path);
  if (!connection) return connection;
  if (Status sound = check_integrity(*connection, path); !sound) return tl::unexpected(sound.error());
  if (Status ready = migrate(*connection, path); !ready) return tl::unexpected(ready.error());
  return connection;
}

}  // namespace durward::store
