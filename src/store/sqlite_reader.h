// The reading half of the SQLite store: one connection, its queries prepared once. Internal to store/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/sqlite.h"
#include "store/store.h"

namespace durward::store {

// Which revisions can be read: compacted to present.
struct Bounds {
  Revision present = 0;
  Revision compacted = 0;
};
constexpr const char* bounds_sql =
    "SELECT (SELECT value FROM meta WHERE name = 'revision'), (SELECT value FROM meta WHERE name = "
    "'compacted')";
Result<Bounds> read_bounds(const Connection& connection, Statement& statement);

struct ChangesSince {
  std::vector<Change> changes;
  Revision seen = 0;  // none was overlooked up to here
};

// Not thread-safe. Errors: as store.h.
class Reader {
 public:
  static Result<Reader> create(Connection connection);

  Result<Revision> revision();
  Result<std::optional<Entry>> get(const std::string& key, std::optional<Revision> at);
  Result<std::vector<Entry>> list(const std::string& prefix, std::optional<Revision> at);
  Result<ChangesSince> changes(const std::string& prefix, Revision after);

 private:
  explicit Reader(Connection connection) : connection_(std::move(connection)) {}
  Result<std::optional<Entry>> get_at(const std::string& key, Revision at);
  Result<std::vector<Entry>> collect(Statement& statement, const std::string& prefix);
  Result<Bounds> readable(Revision at);  // STO004 unless `at` is within the bounds

  Connection connection_;
  Statement bounds_, get_, get_at_, list_, list_at_, changes_;
};

}  // namespace durward::store
