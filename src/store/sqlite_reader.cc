#include "store/sqlite_reader.h"

#include <fmt/format.h>

namespace durward::store {

Result<Bounds> read_bounds(const Connection& connection, Statement& statement) {
  const ResetAtEnd reset(statement);
  const auto row = statement.step(connection);
  if (!row) return tl::unexpected(row.error());
  return Bounds{statement.integer(0), statement.integer(1)};
}

Result<Reader> Reader::create(Connection connection) {
  Reader reader(std::move(connection));
  const Status prepared = prepare_all(
      reader.connection_,
      {{&reader.bounds_, bounds_sql},
       {&reader.get_,
        "SELECT key, history.value, revision FROM present JOIN history USING (key, revision) WHERE key = ?1"},
       {&reader.get_at_,
        "SELECT value, revision FROM history WHERE key = ?1 AND revision <= ?2 ORDER BY revision DESC LIMIT "
        "1"},
       {&reader.list_,
        "SELECT key, history.value, revision FROM present CROSS JOIN history USING (key, revision)"
        " WHERE key >= ?1 ORDER BY key"},
       // SQLite takes the bare column `value` from the row that has the maximum.
       {&reader.list_at_,
        "SELECT key, value, max(revision) FROM history WHERE key >= ?1 AND revision <= ?2"
        " GROUP BY key ORDER BY key"},
       {&reader.changes_,
        "SELECT key, value, revision FROM history INDEXED BY history_by_revision WHERE revision > ?1"
        " ORDER BY revision, key"}});
  if (!prepared) return tl::unexpected(prepared.error());
  return reader;
}

Result<Revision> Reader::revision() {
  return read_bounds(connection_, bounds_).map([](const Bounds& bounds) { return bounds.present; });
}

Result<Bounds> Reader::readable(Revision at) {
  auto bounds = read_bounds(connection_, bounds_);
  if (!bounds) return bounds;
  if (at < bounds->compacted || at > bounds->present) {
    return fail("STO004",
                fmt::format("revision {} cannot be read, the store has {} to {}", at, bounds->compacted,
                            bounds->present),
                "list the present state and go on from its revision");
  }
  return bounds;
}

Result<std::optional<Entry>> Reader::get(const std::string& key, std::optional<Revision> at) {
  if (at) return get_at(key, *at);
  const ResetAtEnd reset(get_);
  const auto row = get_.bind_blob(1, key).step(connection_);
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::nullopt;
  return Entry{key, std::string(get_.blob(1)), get_.integer(2)};
}

Result<std::optional<Entry>> Reader::get_at(const std::string& key, Revision at) {
  const auto snapshot = SqlTransaction::begin(connection_, SqlTransaction::Kind::read);
  if (!snapshot) return tl::unexpected(snapshot.error());
  if (const auto bounds = readable(at); !bounds) return tl::unexpected(bounds.error());
  const ResetAtEnd reset(get_at_);
  const auto row = get_at_.bind_blob(1, key).bind(2, at).step(connection_);
  if (!row) return tl::unexpected(row.error());
  if (!*row || get_at_.is_null(0)) return std::nullopt;
  return Entry{key, std::string(get_at_.blob(0)), get_at_.integer(1)};
}

Result<std::vector<Entry>> Reader::list(const std::string& prefix, std::optional<Revision> at) {
  if (!at) return collect(list_.bind_blob(1, prefix), prefix);
  const auto snapshot = SqlTransaction::begin(connection_, SqlTransaction::Kind::read);
  if (!snapshot) return tl::unexpected(snapshot.error());
  if (const auto bounds = readable(*at); !bounds) return tl::unexpected(bounds.error());
  return collect(list_at_.bind_blob(1, prefix).bind(2, *at), prefix);
}

// Rows of key, value, revision in the order of keys, from `prefix` on; ends where the prefix does.
Result<std::vector<Entry>> Reader::collect(Statement& statement, const std::string& prefix) {
  const ResetAtEnd reset(statement);
  std::vector<Entry> entries;
  while (true) {
    const auto row = statement.step(connection_);
    if (!row) return tl::unexpected(row.error());
    if (!*row || !statement.blob(0).starts_with(prefix)) return entries;
    if (statement.is_null(1)) continue;  // was deleted at that revision
    entries.push_back({std::string(statement.blob(0)), std::string(statement.blob(1)), statement.integer(2)});
  }
}

Result<ChangesSince> Reader::changes(const std::string& prefix, Revision after) {
  const auto snapshot = SqlTransaction::begin(connection_, SqlTransaction::Kind::read);
  if (!snapshot) return tl::unexpected(snapshot.error());
  const auto bounds = readable(after);
  if (!bounds) return tl::unexpected(bounds.error());
  const ResetAtEnd reset(changes_);
  changes_.bind(1, after);
  ChangesSince since{{}, bounds->present};
  while (true) {
    const auto row = changes_.step(connection_);
    if (!row) return tl::unexpected(row.error());
    if (!*row) return since;
    const Revision revision = changes_.integer(2);
    if (since.changes.size() >= changes_max && revision != since.changes.back().revision) {
      since.seen = since.changes.back().revision;
      return since;
    }
    if (!changes_.blob(0).starts_with(prefix)) continue;
    std::optional<std::string> value;
    if (!changes_.is_null(1)) value = std::string(changes_.blob(1));
    since.changes.push_back({std::string(changes_.blob(0)), std::move(value), revision});
  }
}

}  // namespace durward::store
