#include "history/history.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "compare/compare.h"
#include "history/utc.h"

namespace qbench::history {
namespace {

constexpr std::int64_t kApplicationId = 0x71626863;  // "qbhc"
constexpr std::int64_t kVersion = 1;

// Values lie together by series and metric, in order of time: a baseline and a trend are one stretch of the table. decided_by is the night
// that accepted or rejected a suspect, so that judging that night again sees it as it was.
constexpr const char* kTables = R"(
CREATE TABLE night(id INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, started_s INTEGER NOT NULL, git_sha TEXT NOT NULL, source TEXT NOT NULL,
  added_utc TEXT NOT NULL, digest TEXT NOT NULL);
CREATE INDEX night_by_time ON night(started_s, id);
CREATE TABLE series(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, label TEXT NOT NULL);
CREATE TABLE metric(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE member(series INTEGER NOT NULL, started_s INTEGER NOT NULL, night INTEGER NOT NULL, output_digest TEXT NOT NULL,
  PRIMARY KEY(series, started_s, night)) WITHOUT ROWID;
CREATE INDEX member_by_night ON member(night);
CREATE TABLE value(series INTEGER NOT NULL, metric INTEGER NOT NULL, started_s INTEGER NOT NULL, night INTEGER NOT NULL, value REAL NOT NULL,
  state INTEGER NOT NULL, decided_by INTEGER, PRIMARY KEY(series, metric, started_s, night)) WITHOUT ROWID;
CREATE TABLE baseline_start(series INTEGER NOT NULL, metric INTEGER NOT NULL, started_s INTEGER NOT NULL, night INTEGER NOT NULL,
  PRIMARY KEY(series, metric)) WITHOUT ROWID;
CREATE TABLE change_point(series INTEGER NOT NULL, metric INTEGER NOT NULL, started_s INTEGER NOT NULL, night INTEGER NOT NULL,
  before REAL NOT NULL, after REAL NOT NULL, p REAL NOT NULL, PRIMARY KEY(series, metric, started_s, night)) WITHOUT ROWID;
)";

std::int64_t pragma(const Database& database, const char* name) {
  Statement statement(database, std::string("PRAGMA ") + name);
  return statement.step() ? statement.integer(0) : 0;
}

/// Of what was measured, whichever file it was read from.
std::string digest_of(const NightInput& night) {
  Sha256 digest;
  for (const NightRow& row : night.rows) {
    digest.update(row.key.text());
    digest.update(row.output_digest + (row.throttled ? "\nthrottled\n" : "\n"));
    for (const auto& [metric, value] : row.values) digest.update(metric + "=" + record::format_value(value) + "\n");
  }
  return digest.hex_digest();
}

}  // namespace

NightInput night_of(const record::ResultSet& set) {
  NightInput night;
  night.source = set.path.string();
  night.run_id = set.run_id;
  const auto started = parse_utc(set.started_utc);
  if (!started) throw Error(ErrorCode::kFormat, fmt::format("started_utc is '{}': a night needs a time", set.started_utc), night.source);
  night.started_s = *started;
  if (night.run_id.empty()) night.run_id = set.started_utc + "-" + set.path.stem().string();
  for (const record::ResultRow& row : set.rows) {
    if (night.git_sha.empty()) night.git_sha = row.fact("build_git_sha");
    if (!compare::is_comparable(row)) continue;
    if (!record::is_measured(row.status)) {
      night.failed.push_back(key_of(row));
      continue;
    }
    NightRow out;
    out.key = key_of(row);
    out.throttled = row.status == record::Status::kThrottled;
    out.output_digest = row.pass == record::Pass::kSpeed ? row.fact("output_digest") : "";
    for (const record::MetricInfo& info : record::metric_catalog()) {
      if (const auto& value = row.metric(info.id).value) out.values.emplace_back(info.name, *value);
    }
    for (const char* column : {"weight_bytes", "kv_bytes", "peak_allocated_bytes"}) {
      if (const auto value = compare::fact_number(row, column)) out.values.emplace_back(column, *value);
    }
    night.rows.push_back(std::move(out));
  }
  return night;
}

History::History(const std::filesystem::path& path, Database::Mode mode) : database_(path, mode) { migrate(mode); }

void History::migrate(Database::Mode mode) {
  if (pragma(database_, "application_id") == 0 && pragma(database_, "schema_version") == 0) {
    if (mode == Database::Mode::kRead) throw Error(ErrorCode::kFormat, "is an empty file, no history", database_.path().string());
    Transaction transaction(database_);
    if (pragma(database_, "schema_version") == 0) {  // another process may have been faster
      database_.execute(kTables);
      database_.execute(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str());
      database_.execute(fmt::format("PRAGMA user_version = {}", kVersion).c_str());
    }
    transaction.commit();
  }
  if (pragma(database_, "application_id") != kApplicationId) {
    throw Error(ErrorCode::kFormat, "is an SQLite database, but no history of qbench", database_.path().string());
  }
  if (const auto version = pragma(database_, "user_version"); version != kVersion) {
    throw Error(ErrorCode::kFormat, fmt::format("is a history of version {}, this build knows version {}", version, kVersion),
                database_.path().string());
  }
}

std::optional<std::int64_t> History::find_night(std::string_view run_id) const {
  Statement find(database_, "SELECT id FROM night WHERE run_id = ?");
  if (!find.bind(1, run_id).step()) return std::nullopt;
  return find.integer(0);
}

std::int64_t History::keep_night(const NightInput& night, bool& is_new) {
  const std::string digest = digest_of(night);
  Statement find(database_, "SELECT id, digest FROM night WHERE run_id = ?");
  is_new = !find.bind(1, std::string_view(night.run_id)).step();
  if (!is_new) {
    if (find.text(1) == digest) return find.integer(0);
    throw Error(
        ErrorCode::kFormat,
        fmt::format("run '{}' is in {} with other values; `qbench history remove` takes it out", night.run_id, database_.path().string()),
        night.source);
  }
  Statement(database_, "INSERT INTO night(run_id, started_s, git_sha, source, added_utc, digest) VALUES(?, ?, ?, ?, ?, ?)")
      .bind(1, std::string_view(night.run_id))
      .bind(2, night.started_s)
      .bind(3, std::string_view(night.git_sha))
      .bind(4, std::string_view(night.source))
      .bind(5, std::string_view(iso8601_utc(wall_now_ns())))
      .bind(6, std::string_view(digest))
      .run();
  return database_.last_row_id();
}

std::int64_t History::series_row(const SeriesKey& key) {
  const std::string text = key.text();
  Statement find(database_, "SELECT id FROM series WHERE key = ?");
  if (find.bind(1, std::string_view(text)).step()) return find.integer(0);
  Statement(database_, "INSERT INTO series(key, digest, label) VALUES(?, ?, ?)")
      .bind(1, std::string_view(text))
      .bind(2, std::string_view(key.id()))
      .bind(3, std::string_view(key.label()))
      .run();
  return database_.last_row_id();
}

std::int64_t History::metric_row(std::string_view metric) {
  Statement find(database_, "SELECT id FROM metric WHERE name = ?");
  if (find.bind(1, metric).step()) return find.integer(0);
  Statement(database_, "INSERT INTO metric(name) VALUES(?)").bind(1, metric).run();
  return database_.last_row_id();
}

std::size_t History::keep_values(const NightInput& night, std::int64_t night_row) {
  std::size_t kept = 0;
  Statement member(database_, "INSERT INTO member(series, started_s, night, output_digest) VALUES(?, ?, ?, ?)");
  Statement insert(database_, "INSERT INTO value(series, metric, started_s, night, value, state) VALUES(?, ?, ?, ?, ?, ?)");
  Statement find(database_, "SELECT id FROM metric WHERE name = ?");
  // Prepared once: an import of years asks half a million times.
  const auto metric_id = [&](const std::string& metric) {
    if (!find.bind(1, std::string_view(metric)).step()) return metric_row(metric);
    const std::int64_t id = find.integer(0);
    find.step();  // to its end, which makes it ready for the next
    return id;
  };
  for (const NightRow& row : night.rows) {
    const std::int64_t series = series_row(row.key);
    Statement there(database_, "SELECT 1 FROM member WHERE series = ? AND started_s = ? AND night = ?");
    if (there.bind(1, series).bind(2, night.started_s).bind(3, night_row).step()) {
      throw Error(ErrorCode::kFormat, fmt::format("holds two rows of the series '{}'", row.key.label()), night.source);
    }
    member.bind(1, series).bind(2, night.started_s).bind(3, night_row).bind(4, std::string_view(row.output_digest)).run();
    const auto state = static_cast<std::int64_t>(row.throttled ? compare::NightState::kExcluded : compare::NightState::kAccepted);
    for (const auto& [metric, value] : row.values) {
      insert.bind(1, series).bind(2, metric_id(metric)).bind(3, night.started_s).bind(4, night_row).bind(5, value).bind(6, state).run();
      ++kept;
    }
  }
  // Where a row fails before its weights are known, rows of several settings can have one key.
  Statement failed(database_, "INSERT OR IGNORE INTO member(series, started_s, night, output_digest) VALUES(?, ?, ?, '')");
  for (const SeriesKey& key : night.failed) failed.bind(1, series_row(key)).bind(2, night.started_s).bind(3, night_row).run();
  return kept;
}

Added History::add(const NightInput& night) { return add_all({night}); }

Added History::add_all(const std::vector<NightInput>& nights) {
  Transaction transaction(database_);
  Added added;
  std::size_t there = 0;
  for (const NightInput& night : nights) {
    bool is_new = false;
    const std::int64_t row = keep_night(night, is_new);
    if (!is_new) {
      ++there;
      continue;
    }
    added.series += night.rows.size();
    added.values += keep_values(night, row);
    if (nights.size() == 1) update_change_points(night);
  }
  added.already_there = there == nights.size();
  if (nights.size() > 1 && !added.already_there) {
    std::vector<std::pair<std::int64_t, std::int64_t>> all;
    Statement each(database_, "SELECT DISTINCT series, metric FROM value");
    while (each.step()) all.emplace_back(each.integer(0), each.integer(1));
    for (const auto& [series, metric] : all) update_change_points(series, metric, std::nullopt);
  }
  transaction.commit();
  return added;
}

std::size_t History::rebaseline(std::string_view run_id, std::string_view metric) {
  Transaction transaction(database_);
  const auto night = find_night(run_id);
  if (!night) throw Error(ErrorCode::kUsage, fmt::format("no run '{}' in {}", run_id, database_.path().string()));
  const std::string wanted = metric.empty() ? "" : " AND metric = (SELECT id FROM metric WHERE name = ?2)";
  Statement start(database_,
                  "INSERT OR REPLACE INTO baseline_start SELECT series, metric, started_s, night FROM value WHERE night = ?1 AND series IN "
                  "(SELECT series "
                  "FROM member WHERE night = ?1)" +
                      wanted);
  Statement accept(
      database_,
      "UPDATE value SET state = 0, decided_by = NULL WHERE state IN (1, 2) AND EXISTS(SELECT 1 FROM baseline_start b WHERE b.series = "
      "value.series AND b.metric = value.metric AND b.night = ?1 AND (value.started_s, value.night) >= (b.started_s, b.night))");
  start.bind(1, *night);
  if (!metric.empty()) start.bind(2, metric);
  start.run();
  Statement count(database_, "SELECT changes()");
  count.step();
  auto begun = static_cast<std::size_t>(count.integer(0));
  accept.bind(1, *night).run();
  if (metric.empty() || metric == kOutputDigest) {
    Statement(
        database_,
        "INSERT OR REPLACE INTO baseline_start SELECT series, ?2, started_s, night FROM member WHERE night = ?1 AND output_digest != ''")
        .bind(1, *night)
        .bind(2, metric_row(kOutputDigest))
        .run();
    Statement outputs(database_, "SELECT changes()");
    outputs.step();
    begun += static_cast<std::size_t>(outputs.integer(0));
  }
  transaction.commit();
  return begun;
}

void History::remove(std::string_view run_id) {
  Transaction transaction(database_);
  const auto night = find_night(run_id);
  if (!night) throw Error(ErrorCode::kUsage, fmt::format("no run '{}' in {}", run_id, database_.path().string()));
  std::vector<std::pair<std::int64_t, std::int64_t>> touched;
  Statement each(database_,
                 "SELECT v.series, v.metric FROM member m JOIN value v ON v.series = m.series AND v.night = m.night WHERE m.night = ?");
  each.bind(1, *night);
  while (each.step()) touched.emplace_back(each.integer(0), each.integer(1));
  for (const char* table : {"value", "baseline_start", "change_point"}) {
    Statement(database_, fmt::format("DELETE FROM {} WHERE night = ?1 AND series IN (SELECT series FROM member WHERE night = ?1)", table))
        .bind(1, *night)
        .run();
  }
  Statement(database_, "DELETE FROM member WHERE night = ?").bind(1, *night).run();
  Statement(database_, "DELETE FROM night WHERE id = ?").bind(1, *night).run();
  // A suspect that this night decided waits again.
  Statement(database_, "UPDATE value SET state = 1, decided_by = NULL WHERE decided_by = ?").bind(1, *night).run();
  for (const auto& [series, metric] : touched) update_change_points(series, metric, std::nullopt);
  transaction.commit();
}

}  // namespace qbench::history
