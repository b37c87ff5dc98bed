#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "record/csv.h"
#include "record/records.h"

/// Results as whoever compares, keeps or draws them takes them: plain data, the same from whichever file it was read.
namespace qbench::record {

/// A metric of one row.
struct MetricResult {
  std::optional<double> value;                 ///< of the row: the median of the sessions' values
  std::vector<std::optional<double>> sessions;  ///< in order; only of metrics that the catalogue marks by_session
  std::size_t n_sessions() const;              ///< that have a value
};

/// One sample of one task of a row.
struct TaskResult {
  std::int64_t session = 0;
  std::string task_id;
  std::int64_t sample = 0;
  TaskStatus status = TaskStatus::kPass;    ///< of the last attempt
  std::optional<TaskStatus> first_status = {};  ///< of the first one; nothing where there was no other
};

/// One cell of a run.
struct ResultRow {
  Status status = Status::kOk;
  Failure failure;
  Pass pass = Pass::kSpeed;
  std::int64_t n_sessions = 1;
  /// All columns of summary.csv that are no metric, by name, in the file's order: "model", "prompt_id", "device_effective", "model_fingerprint", ...
  std::vector<std::pair<std::string, std::string>> facts;
  std::array<MetricResult, kMetricCount> metrics;
  std::vector<TaskResult> tasks;  ///< only from a run's folder

  /// Empty where the row has no such column or nothing in it.
  std::string_view fact(std::string_view column) const;
  MetricResult& metric(MetricId id) { return metrics[static_cast<std::size_t>(id)]; }
  const MetricResult& metric(MetricId id) const { return metrics[static_cast<std::size_t>(id)]; }
  /// key_columns() with their texts.
  std::vector<std::pair<std::string, std::string>> key() const;
  /// The key in one line, for messages: "smol, codegen/fizzbuzz, speed, cpu, auto, batch 1".
  std::string name() const;
};

struct ResultSet {
  std::filesystem::path path;  ///< as it was given
  int schema_version = kSchemaVersion;
  std::string run_id, started_utc;
  std::vector<std::pair<std::string, std::string>> machine;  ///< columns of machine and build, those of the first row
  std::vector<ResultRow> rows;
};

/// Names of the columns that tell machines and builds apart: "host_hash" to "build_flags".
std::vector<std::string_view> machine_columns();

/// Reads a run's folder (run.json and samples.jsonl), a run.json or samples.jsonl in one, or a summary.csv; schema versions 1 to kSchemaVersion. A
/// row of a file without sessions has one, with the row's own values. Error{kNotFound}, Error{kIo}; Error{kFormat} naming the file and, where it has
/// one, the row: another version, cut off, no rows, two rows of one key, a number that is none (NaN and infinities too), sessions that do not
/// agree with n_sessions or with the row's value, a value that cannot be (a negative time, a share above 1), a column of ours in another unit
/// or spelling ("ttft_s_median", "peak_megabytes"). A last line of samples.jsonl without its end is left
/// out, as a killed run leaves it.
ResultSet read_result_set(const std::filesystem::path& path);

/// The same from a table of summary.csv that is in memory; `path` names it in errors.
ResultSet result_set_from_table(const CsvTable& table, const std::filesystem::path& path);

}  // namespace qbench::record
