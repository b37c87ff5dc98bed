#include "history/database.h"

#include <sqlite3.h>

#include "base/check.h"
#include "base/error.h"

namespace qbench::history {

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }

Statement::Statement(const Database& database, std::string_view sql) : database_(&database) {
  sqlite3_stmt* raw = nullptr;
  check(sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr));
  statement_.reset(raw);
}

void Statement::check(int code) const {
  if (code != SQLITE_OK) database_->fail(code);
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  check(sqlite3_bind_int64(statement_.get(), parameter, value));
  return *this;
}
Statement& Statement::bind(int parameter, double value) {
  check(sqlite3_bind_double(statement_.get(), parameter, value));
  return *this;
}
Statement& Statement::bind(int parameter, std::string_view value) {
  check(sqlite3_bind_text(statement_.get(), parameter, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT));
  return *this;
}
Statement& Statement::bind(int parameter, const std::optional<std::int64_t>& value) {
  if (value) return bind(parameter, *value);
  check(sqlite3_bind_null(statement_.get(), parameter));
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_->fail(code);
  check(sqlite3_reset(statement_.get()));
  return false;
}

void Statement::run() { QB_CHECK(!step()); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
double Statement::number(int column) const { return sqlite3_column_double(statement_.get(), column); }
bool Statement::is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
std::string Statement::text(int column) const {
  const auto* const bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return bytes == nullptr ? std::string() : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

Database::Database(const std::filesystem::path& path, Mode mode) : path_(path) {
  std::error_code ignored;
  if (mode == Mode::kRead && !std::filesystem::exists(path, ignored)) {
    throw Error(ErrorCode::kNotFound, "no such history; `qbench history add` makes one", path.string());
  }
  if (std::filesystem::is_directory(path, ignored)) throw Error(ErrorCode::kIo, "is a folder, expected a file", path.string());
  if (mode == Mode::kWrite && path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), ignored);
  sqlite3* raw = nullptr;
  // Also readers open it for writing: what a killed writer left half done has to be rolled back first.
  int code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | (mode == Mode::kWrite ? SQLITE_OPEN_CREATE : 0), nullptr);
  handle_.reset(raw);
  if (code != SQLITE_OK) fail(code);
  sqlite3_busy_timeout(raw, 30'000);
  execute("PRAGMA synchronous = FULL");
  execute("PRAGMA cache_size = -65536");
}

void Database::execute(const char* sql) const {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

std::int64_t Database::last_row_id() const { return sqlite3_last_insert_rowid(handle_.get()); }

void Database::fail(int code) const {
  const int kind = code & 0xff;
  const char* const words = handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code);
  if (kind == SQLITE_NOTADB) throw Error(ErrorCode::kFormat, "is no history: not an SQLite database", path_.string());
  if (kind == SQLITE_CORRUPT) throw Error(ErrorCode::kFormat, std::string("is damaged: ") + words, path_.string());
  if (kind == SQLITE_BUSY) throw Error(ErrorCode::kIo, "another process has been writing to it for 30 seconds; try again", path_.string());
  throw Error(ErrorCode::kIo, words, path_.string());
}

Transaction::Transaction(const Database& database) : database_(database) { database_.execute("BEGIN IMMEDIATE"); }

Transaction::~Transaction() {
  if (open_) sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_.execute("COMMIT");
  open_ = false;
}

}  // namespace qbench::history
