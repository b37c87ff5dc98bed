#include "record/result_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cctype>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "base/ascii.h"
#include "base/error.h"
#include "base/text_file.h"
#include "record/columns.h"
#include "record/csv.h"
#include "record/sample_file.h"

namespace qbench::record {
namespace {

namespace fs = std::filesystem;

/// What a column of a file is to us.
struct ColumnUse {
  const Column* metric = nullptr;  ///< the row's value, or the sessions'; nullptr: a fact or a statistic that nobody judges
  bool is_fact = false;
  bool in_bytes = false;
};

struct Range {
  double low, high;
};
constexpr Range kAnyAmount{0, std::numeric_limits<double>::infinity()};

/// What the metric can be at all: no time and no rate is negative, no share above 1.
Range range_of(MetricId id) {
  if (id == MetricId::kFirstAttemptSuccessRatio || id == MetricId::kPassAt1Ratio || id == MetricId::kPassAtKRatio) return {0, 1};
  if (id == MetricId::kSuccessRatio || id == MetricId::kContextEfficiencyRatio || id == MetricId::kGpuThrottleRatio) return {0, 1};
  if (id == MetricId::kQualityScore || id == MetricId::kResponseRelevance || id == MetricId::kCompleteness || id == MetricId::kDocumentation ||
      id == MetricId::kStructure)
    return {0, 10};
  if (id == MetricId::kErrorHandlingPercent || id == MetricId::kTypeCompliancePercent || id == MetricId::kTestCoveragePercent) return {0, 100};
  if (id == MetricId::kStars) return {1, 5};
  if (id == MetricId::kGpuTemperatureC) return {-273.15, kAnyAmount.high};
  return kAnyAmount;
}

/// "ttft_" of "ttft_ms_median", "decode_" of "decode_tok_per_s_median", "kv_" of "kv_bytes"; empty where the name ends in no unit.
std::string_view quantity_of(std::string_view name) {
  for (const std::string_view unit : {"_tok_per_s", "_j_per_token", "_ms", "_bytes", "_w", "_mhz", "_ratio"}) {
    const std::size_t at = name.find(unit);
    const std::size_t end = at + unit.size();
    if (at != std::string_view::npos && at > 0 && (end == name.size() || name[end] == '_')) return name.substr(0, at + 1);
  }
  return {};
}

/// Whether `rest`, what follows the quantity in the name of a column, begins with a unit: "s_median", "megabytes", "ktok_per_s".
bool begins_with_unit(std::string_view rest) {
  static constexpr std::string_view kUnits[] = {
      "s",   "sec", "secs", "second", "seconds", "ms", "msec", "millis", "milliseconds", "us", "usec", "microseconds", "ns", "nanoseconds",
      "minutes", "b", "bytes", "kb", "kib", "mb", "mib", "gb", "gib", "kilobytes", "megabytes", "gigabytes", "kibibytes", "mebibytes", "gibibytes",
      "mw", "w", "kw", "watt", "watts", "milliwatts", "kilowatts", "hz", "khz", "mhz", "ghz", "j", "mj", "kj", "wh", "kwh", "joule", "joules",
      "percent", "pct", "tps", "tok", "toks", "tokens", "ktok", "mtok", "token"};
  const std::string_view word = rest.substr(0, rest.find('_'));
  return std::find(std::begin(kUnits), std::end(kUnits), word) != std::end(kUnits);
}

/// The column of ours that `name`, which is none, says in another unit or spelling ("ttft_s_median", "peak_megabytes"); nullptr: none.
const Column* column_in_other_unit(const std::string& name) {
  const std::string small = ascii_lower(name);
  const Column* best = nullptr;
  std::size_t longest = 0;
  for (const Column& column : summary_columns()) {
    const std::string_view quantity = quantity_of(column.name);
    if (column.unit.empty() || quantity.size() <= longest || !small.starts_with(quantity)) continue;
    if (!begins_with_unit(std::string_view(small).substr(quantity.size()))) continue;
    best = &column;
    longest = quantity.size();
  }
  return best;
}

class TableReader {
 public:
  TableReader(const CsvTable& table, const fs::path& path) : table_(table), where_(path.string()) {
    for (const std::string& name : table.header) uses_.push_back(use_of(name));
  }

  ResultSet read() {
    ResultSet set;
    set.path = where_;
    if (table_.rows.empty()) fail("holds no rows");
    std::map<std::string, std::size_t> keys;
    for (std::size_t i = 0; i < table_.rows.size(); ++i) {
      row_ = i;
      ResultRow row = read_row();
      std::string key;
      for (const auto& [column, text] : row.key()) key += text + '\n';
      const auto [earlier, is_new] = keys.emplace(std::move(key), i);
      if (!is_new) fail_row(fmt::format("has the key of row {} ({})", earlier->second + 1, row.name()));
      set.rows.push_back(std::move(row));
    }
    const ResultRow& first = set.rows.front();
    set.schema_version = static_cast<int>(integer("schema_version", first.fact("schema_version")).value_or(kSchemaVersion));
    set.run_id = first.fact("run_id");
    set.started_utc = first.fact("started_utc");
    for (const std::string_view column : machine_columns()) set.machine.emplace_back(column, first.fact(column));
    return set;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw Error(ErrorCode::kFormat, message, where_); }
  [[noreturn]] void fail_row(const std::string& message) const {
    fail(fmt::format("row {} {}{}", row_ + 1, message, row_ < table_.lines.size() ? fmt::format(" (line {})", table_.lines[row_]) : ""));
  }

  ColumnUse use_of(const std::string& name) const {
    for (const Column& column : summary_columns()) {
      if (column.name != name) continue;
      if (column.metric == MetricId::kCount) return {nullptr, true, column.unit == "bytes"};
      const bool judged = column.by_session || column.statistic == info_of(column.metric).main_statistic();
      return {judged ? &column : nullptr, false};
    }
    // A column of a later version, or of someone else's: kept as a fact, unless it is one of ours in a unit that is not ours.
    if (const Column* ours = column_in_other_unit(name))
      fail(fmt::format("line 1: column '{}' is in another unit than '{}' ({}): convert it", name, ours->name, ours->unit));
    return {nullptr, true};
  }

  ResultRow read_row() {
    ResultRow row;
    for (std::size_t i = 0; i < uses_.size(); ++i) {
      const std::string& text = table_.rows[row_][i];
      const std::string& name = table_.header[i];
      if (uses_[i].is_fact) {
        if (uses_[i].in_bytes) check_range(name, number(name, text), kAnyAmount);
        row.facts.emplace_back(name, text);
      }
      if (uses_[i].metric == nullptr) continue;
      MetricResult& metric = row.metric(uses_[i].metric->metric);
      if (uses_[i].metric->by_session) {
        metric.sessions = numbers(name, text);
        for (const auto& session : metric.sessions) check_range(name, session, range_of(uses_[i].metric->metric));
      } else {
        metric.value = number(name, text);
        check_range(name, metric.value, range_of(uses_[i].metric->metric));
      }
    }
    if (row.fact("model").empty()) fail_row("has no model");
    read_word(row.fact("status"), "status", [&](std::string_view word) { row.status = status_from_name(word); });
    read_word(row.fact("pass"), "pass", [&](std::string_view word) { row.pass = pass_from_name(word); });
    row.failure = {std::string(row.fact("error_code")), std::string(row.fact("error"))};
    row.n_sessions = integer("n_sessions", row.fact("n_sessions")).value_or(1);
    settle_sessions(row);
    return row;
  }

  template <class Set>
  void read_word(std::string_view text, const char* column, Set&& set) const {
    if (text.empty()) return;  // a table made elsewhere need not have it
    try {
      set(text);
    } catch (const Error& error) {
      fail_row(fmt::format("column '{}': {}", column, error.what()));
    }
  }

  /// Every metric by session has as many sessions as the row; without any it has the one that older files have.
  void settle_sessions(ResultRow& row) const {
    if (row.n_sessions < 1 || row.n_sessions > 10'000) fail_row(fmt::format("n_sessions is {}", row.n_sessions));
    const auto n = static_cast<std::size_t>(row.n_sessions);
    for (const MetricInfo& info : metric_catalog()) {
      MetricResult& metric = row.metric(info.id);
      if (!info.by_session || !metric.value) {
        if (!metric.sessions.empty()) fail_row(fmt::format("has {} and no {}", by_session_column_name(info.id), info.name));
        continue;
      }
      if (metric.sessions.empty() && n == 1) metric.sessions = {metric.value};
      if (!metric.sessions.empty() && metric.sessions.size() != n)
        fail_row(fmt::format("{} has {} values, n_sessions is {}", by_session_column_name(info.id), metric.sessions.size(), n));
      check_middle(info, metric);
    }
  }

  /// The row's value is the median of its sessions, so it lies among them.
  void check_middle(const MetricInfo& info, const MetricResult& metric) const {
    if (metric.n_sessions() == 0) return;
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const auto& session : metric.sessions) {
      if (session) low = std::min(low, *session), high = std::max(high, *session);
    }
    constexpr double kRounding = 1e-6;
    if (*metric.value < low * (1 - kRounding) || *metric.value > high * (1 + kRounding))
      fail_row(fmt::format("column '{}': {} lies outside its own sessions, {} to {}", column_name(info.id, info.main_statistic()), *metric.value,
                           low, high));
  }

  void check_range(const std::string& column, const std::optional<double>& value, const Range& range) const {
    if (!value || (*value >= range.low && *value <= range.high)) return;
    fail_row(std::isfinite(range.high) ? fmt::format("column '{}': '{}' is not between {} and {}", column, *value, range.low, range.high)
                                       : fmt::format("column '{}': '{}' is below {}", column, *value, range.low));
  }

  std::optional<double> number(const std::string& column, std::string_view text) const {
    if (text.empty()) return std::nullopt;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
      fail_row(fmt::format("column '{}': '{}' is no finite number", column, text));
    return value;
  }
  std::optional<std::int64_t> integer(const char* column, std::string_view text) const {
    if (text.empty()) return std::nullopt;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
      fail_row(fmt::format("column '{}': '{}' is no whole number", column, text));
    return value;
  }
  std::vector<std::optional<double>> numbers(const std::string& column, std::string_view text) const {
    std::vector<std::optional<double>> values;
    while (!text.empty()) {
      const std::size_t space = std::min(text.find(' '), text.size());
      const std::string_view word = text.substr(0, space);
      if (word.empty()) fail_row(fmt::format("column '{}': two spaces in a row", column));
      values.push_back(word == "-" ? std::nullopt : number(column, word));
      text.remove_prefix(std::min(space + 1, text.size()));
    }
    return values;
  }

  const CsvTable& table_;
  std::string where_;
  std::vector<ColumnUse> uses_;
  std::size_t row_ = 0;
};

ResultSet read_csv(const fs::path& path) {
  const CsvTable table = read_summary_csv(path);
  const std::string bytes = read_text_file(path);
  if (!bytes.ends_with('\n')) throw Error(ErrorCode::kFormat, "the last line has no end: the file is cut off", path.string());
  return result_set_from_table(table, path);
}

/// What is left of tasks that were judged again: the last record of each, with the status of the last first attempt.
std::vector<std::pair<CellKey, TaskResult>> latest_tasks(const std::vector<TaskRecord>& tasks) {
  std::map<std::tuple<std::string, std::int64_t, std::string, std::int64_t>, std::size_t> at;
  std::vector<std::pair<CellKey, TaskResult>> latest;
  for (const TaskRecord& task : tasks) {
    const auto [known, is_new] = at.emplace(std::tuple(cell_id(task.cell), task.session, task.task_id, task.sample), latest.size());
    if (is_new) latest.push_back({task.cell, {task.session, task.task_id, task.sample, task.status, std::nullopt}});
    TaskResult& result = latest[known->second].second;
    if (task.iteration > 1 && !is_new) {
      result.first_status = result.first_status.value_or(result.status);
    } else {
      result.first_status.reset();
    }
    result.status = task.status;
  }
  return latest;
}

ResultSet read_folder(const fs::path& folder, const fs::path& given) {
  const RunRecord run = read_run_json(folder / "run.json");
  const SampleFileContent content = read_sample_file(folder / "samples.jsonl");
  const std::vector<CellRecord> cells = latest_cells(content.cells);
  CsvTable table;
  for (const Column& column : summary_columns()) table.header.push_back(column.name);
  for (const CellRecord& cell : cells) {
    auto& fields = table.rows.emplace_back();
    for (const Column& column : summary_columns()) fields.push_back(cell_text(column, run, cell));
  }
  ResultSet set = result_set_from_table(table, given);
  set.schema_version = run.schema_version;
  const auto tasks = latest_tasks(content.tasks);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    for (const auto& [cell, task] : tasks) {
      if (cell == cells[i].cell) set.rows[i].tasks.push_back(task);
    }
  }
  return set;
}

}  // namespace

std::size_t MetricResult::n_sessions() const {
  return static_cast<std::size_t>(std::count_if(sessions.begin(), sessions.end(), [](const auto& one) { return one.has_value(); }));
}

std::string_view ResultRow::fact(std::string_view column) const {
  for (const auto& [name, text] : facts) {
    if (name == column) return text;
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> ResultRow::key() const {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string_view column : key_columns()) pairs.emplace_back(column, fact(column));
  return pairs;
}

std::string ResultRow::name() const {
  std::string text(fact("model"));
  const auto add = [&](std::string_view before, std::string_view what) {
    if (!what.empty()) text.append(text.empty() ? "" : ", ").append(before).append(what);
  };
  const std::string suite(fact("suite"));
  add("", suite.empty() ? std::string(fact("prompt_id")) : suite + "/" + std::string(fact("prompt_id")));
  if (fact("turn") != "1") add("turn ", fact("turn"));
  add("", fact("pass"));
  add("", fact("device_effective"));
  add("", fact("precision_requested"));
  add("batch ", fact("batch"));
  return text;
}

std::vector<std::string_view> machine_columns() {
  std::vector<std::string_view> names;
  bool inside = false;
  for (const Column& column : summary_columns()) {
    inside = inside || column.name == "host_hash";
    if (inside) names.push_back(column.name);
  }
  return names;
}

ResultSet result_set_from_table(const CsvTable& table, const fs::path& path) { return TableReader(table, path).read(); }

ResultSet read_result_set(const fs::path& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw Error(ErrorCode::kNotFound, "no such file or folder", path.string());
  if (fs::is_directory(path, ignored)) return read_folder(path, path);
  if (path.filename() == "run.json" || path.extension() == ".jsonl") {
    if (path.extension() == ".jsonl" && path.filename() != "samples.jsonl")
      throw Error(ErrorCode::kFormat, "expected samples.jsonl, run.json, a run's folder or a summary.csv", path.string());
    return read_folder(path.parent_path().empty() ? fs::path(".") : path.parent_path(), path);
  }
  return read_csv(path);
}

}  // namespace qbench::record
