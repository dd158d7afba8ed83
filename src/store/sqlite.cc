#include "store/sqlite.h"

#include <fmt/format.h>

#include <utility>

namespace durward::store {
namespace {

constexpr int busy_timeout_ms = 5'000;

Error describe(sqlite3* handle, const std::string& path, std::string_view doing) {
  const int code = sqlite3_errcode(handle) & 0xff;
  const std::string message = fmt::format("cannot {} '{}': {}", doing, path, sqlite3_errmsg(handle));
  switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {"STO001", message, "another process holds the store; try again"};
    case SQLITE_FULL:
    case SQLITE_IOERR:
      return {"STO002", message, "free disk space and check the disk; nothing was changed"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {"STO003", message, "the file is damaged: stop durward and restore it from a backup"};
    default:
      return {"STO003", message, "check the owner and mode of the file and its directory"};
  }
}

}  // namespace

Result<Connection> Connection::open(const std::string& path) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Connection connection(std::unique_ptr<sqlite3, Close>(raw), path);
  if (code != SQLITE_OK) return connection.error("open the store");
  sqlite3_busy_timeout(raw, busy_timeout_ms);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return connection;
}

Status Connection::execute(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error("use the store");
  return {};
}

tl::unexpected<Error> Connection::error(std::string_view doing) const {
  return tl::unexpected(describe(handle_.get(), path_, doing));
}

Result<Statement> Statement::prepare(const Connection& connection, const char* sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(connection.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) !=
      SQLITE_OK) {
    return connection.error("use the store");
  }
  return Statement(raw);
}

Status prepare_all(const Connection& connection, std::initializer_list<ToPrepare> statements) {
  for (const ToPrepare& one : statements) {
    auto made = Statement::prepare(connection, one.sql);
    if (!made) return tl::unexpected(made.error());
    *one.into = std::move(*made);
  }
  return {};
}

Statement& Statement::reset() {
  sqlite3_reset(statement_.get());  // repeats the error of the last step, which was reported then
  return *this;
}

Statement& Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), index, value);
  return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  // A null pointer would bind NULL, which means "deleted" here.
  const char* data = bytes.empty() ? "" : bytes.data();
  sqlite3_bind_blob64(statement_.get(), index, data, bytes.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_null(int index) {
  sqlite3_bind_null(statement_.get(), index);
  return *this;
}

Result<bool> Statement::step(const Connection& connection) {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  auto failed = connection.error("use the store");
  reset();
  return failed;
}

Status Statement::run(const Connection& connection) {
  while (true) {
    const auto row = step(connection);
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
  }
  reset();
  return {};
}

std::uint64_t Statement::integer(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

std::string_view Statement::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<SqlTransaction> SqlTransaction::begin(Connection& connection, Kind kind) {
  if (Status begun = connection.execute(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN"); !begun) {
    return tl::unexpected(begun.error());
  }
  return SqlTransaction(connection);
}

SqlTransaction::~SqlTransaction() {
  if (connection_ != nullptr && connection_->in_transaction()) (void)connection_->execute("ROLLBACK");
}

Status SqlTransaction::commit() {
  return connection_->execute("COMMIT");
}

}  // namespace durward::store
