// A thin, typed layer over SQLite's C interface: ownership, binding, and errors as STO codes. Internal to
// store/.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace durward::store {

// Not thread-safe: one thread at a time uses a connection and the statements made from it.
class Connection {
 public:
  // Opens an existing file (an empty one is a new database). Errors: as error().
  static Result<Connection> open(const std::string& path);

  // Runs statements that take no parameters.
  Status execute(const char* sql);
  // What the last failed call means, as STO001 (busy), STO002 (disk) or STO003 (damaged, unreadable).
  tl::unexpected<Error> error(std::string_view doing) const;
  sqlite3* handle() const { return handle_.get(); }
  // False outside a transaction; SQLite itself may end one when a statement fails.
  bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  int changes() const { return sqlite3_changes(handle_.get()); }  // rows the last statement changed

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  Connection(std::unique_ptr<sqlite3, Close> handle, std::string path)
      : handle_(std::move(handle)), path_(std::move(path)) {}

  std::unique_ptr<sqlite3, Close> handle_;
  std::string path_;
};

// A prepared statement, used many times: reset(), bind, step() until false. Views of columns and bound texts
// must outlive the step that uses them; columns are valid until the next step() or reset().
class Statement {
 public:
  Statement() = default;  // fit only to be assigned to
  static Result<Statement> prepare(const Connection& connection, const char* sql);

  Statement& reset();
  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::uint64_t value) { return bind(index, static_cast<std::int64_t>(value)); }
  Statement& bind_blob(int index, std::string_view bytes);
  Statement& bind_null(int index);
  Result<bool> step(const Connection& connection);  // true: a row is there
  Status run(const Connection& connection);         // steps to the end and resets

  std::uint64_t integer(int column) const;
  std::string_view blob(int column) const;
  bool is_null(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// Ends a query's read when the scope does, wherever that is left.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(Statement& statement) : statement_(statement) {}
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;
  ~ResetAtEnd() { statement_.reset(); }

 private:
  Statement& statement_;
};

struct ToPrepare {
  Statement* into;
  const char* sql;
};
Status prepare_all(const Connection& connection, std::initializer_list<ToPrepare> statements);

// BEGIN at construction, ROLLBACK at the end of the scope unless committed.
class SqlTransaction {
 public:
  enum class Kind { read, write };
  static Result<SqlTransaction> begin(Connection& connection, Kind kind);
  SqlTransaction(SqlTransaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  SqlTransaction& operator=(SqlTransaction&&) = delete;
  ~SqlTransaction();
  Status commit();

 private:
  explicit SqlTransaction(Connection& connection) : connection_(&connection) {}
  Connection* connection_;
};

}  // namespace durward::store
