#include "history/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text_file.h"
#include "history/utc.h"
#include "record/csv.h"
#include "record/metric_catalog.h"

namespace qbench::history {
namespace {

namespace fs = std::filesystem;
using Pairs = std::vector<std::pair<std::string, std::string>>;

/// Metrics of one file: all its nights have all of them.
struct Sheet {
  std::string name;
  std::vector<std::string> metrics;
  std::vector<Point> nights;                                    ///< of the first metric
  std::map<std::string, std::map<std::string, double>> values;  ///< by run, by metric
};

std::vector<Point> counted(const History& history, const SeriesInfo& series, const std::string& metric) {
  std::vector<Point> points = history.trend(series, metric, 0);
  std::erase_if(points, [](const Point& point) { return point.state == compare::NightState::kExcluded; });
  return points;
}

std::vector<Sheet> sheets_of(const History& history, const SeriesInfo& series) {
  std::vector<std::pair<std::string, std::vector<Point>>> columns;
  std::size_t most = 0;
  for (const std::string& metric : history.metrics(series)) {
    columns.emplace_back(metric, counted(history, series, metric));
    most = std::max(most, columns.back().second.size());
  }
  std::vector<Sheet> sheets;
  Sheet whole;
  whole.name = series.id;
  for (const auto& [metric, points] : columns) {
    if (points.empty()) continue;
    Sheet own;
    own.name = series.id + "." + metric;
    Sheet& sheet = points.size() == most ? whole : own;
    if (sheet.metrics.empty()) sheet.nights = points;
    sheet.metrics.push_back(metric);
    for (const Point& point : points) sheet.values[point.run_id][metric] = point.value;
    if (points.size() != most) sheets.push_back(std::move(own));
  }
  if (!whole.metrics.empty()) sheets.insert(sheets.begin(), std::move(whole));
  return sheets;
}

std::string csv_of(const Sheet& sheet, const SeriesInfo& series) {
  std::vector<std::string> header{"time", "run_id", "commit"};
  for (const auto& [name, value] : series.key.facts) header.push_back(name);
  header.insert(header.end(), sheet.metrics.begin(), sheet.metrics.end());
  std::string text = record::csv_line(header);
  for (const Point& night : sheet.nights) {
    std::vector<std::string> row{format_utc(night.started_s), night.run_id, night.git_sha};
    for (const auto& [name, value] : series.key.facts) row.push_back(value);
    for (const std::string& metric : sheet.metrics) row.push_back(record::format_value(sheet.values.at(night.run_id).at(metric)));
    text += record::csv_line(row);
  }
  return text;
}

/// JSON's strings are YAML's too.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out + "\"";
}

std::string yaml_of(const Sheet& sheet, const SeriesInfo& series, const fs::path& file) {
  std::string text =
      fmt::format("  {}:  # {}\n    type: csv\n    file: {}\n    time_column: time\n    attributes: [run_id, commit]\n    metrics:\n",
                  quoted(sheet.name), quoted(series.label), quoted(fs::absolute(file).string()));
  for (const std::string& metric : sheet.metrics) {
    const auto id = record::metric_from_name(metric);
    const auto better = id ? record::info_of(*id).better : record::Better::kLower;
    text += fmt::format("      {}:\n        column: {}\n        direction: {}\n        scale: 1.0\n", metric, metric,
                        better == record::Better::kHigher ? 1 : -1);
  }
  return text;
}

/// What a column of a file made elsewhere means.
struct Meaning {
  enum class Kind : std::uint8_t { kTime, kRunId, kCommit, kKey, kMetric } kind = Kind::kKey;
  std::string name;
};

class CsvImport {
 public:
  CsvImport(const fs::path& path, const Pairs& facts, const Pairs& rename)
      : where_(path.string()), table_(record::parse_csv(read_text_file(path), where_)), facts_(facts), rename_(rename) {
    for (const std::string& column : table_.header) meanings_.push_back(meaning_of(column));
    check_columns();
  }

  std::vector<NightInput> read() {
    std::map<std::pair<std::int64_t, std::string>, NightInput> nights;
    for (std::size_t i = 0; i < table_.rows.size(); ++i) {
      line_ = i + 2;
      add_row(table_.rows[i], nights);
    }
    if (nights.empty()) throw Error(ErrorCode::kFormat, "holds no rows", where_);
    std::vector<NightInput> out;
    for (auto& [key, night] : nights) out.push_back(std::move(night));
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw Error(ErrorCode::kFormat, message, where_); }
  [[noreturn]] void fail_line(const std::string& message) const { fail(fmt::format("line {}: {}", line_, message)); }

  Meaning meaning_of(const std::string& column) const {
    std::string name = column;
    for (const auto& [from, to] : rename_) {
      if (from == column) name = to;
    }
    if (name == "time" || name == "started_utc") return {Meaning::Kind::kTime, name};
    if (name == "run_id") return {Meaning::Kind::kRunId, name};
    if (name == "commit" || name == "build_git_sha") return {Meaning::Kind::kCommit, name};
    const auto keys = series_columns();
    if (std::find(keys.begin(), keys.end(), name) != keys.end()) return {Meaning::Kind::kKey, name};
    for (const record::MetricInfo& info : record::metric_catalog()) {
      if (name == info.name || name == record::column_name(info.id, info.main_statistic()))
        return {Meaning::Kind::kMetric, std::string(info.name)};
    }
    for (const char* bytes : {"weight_bytes", "kv_bytes", "peak_allocated_bytes"}) {
      if (name == bytes) return {Meaning::Kind::kMetric, name};
    }
    fail(
        fmt::format("column '{}' is neither time, run_id, commit, a column of a key nor a metric in the catalogue's unit; --rename {}=NAME "
                    "says what it is",
                    column, column));
  }

  void check_columns() const {
    std::set<std::string> seen;
    bool time = false, metric = false, model = false;
    for (const Meaning& meaning : meanings_) {
      if (!seen.insert(meaning.name).second) fail(fmt::format("two columns are {}", meaning.name));
      time = time || meaning.kind == Meaning::Kind::kTime;
      metric = metric || meaning.kind == Meaning::Kind::kMetric;
      model = model || meaning.name == "model";
    }
    for (const auto& [name, value] : facts_) model = model || name == "model";
    if (!time) fail("has no column 'time'; --rename COLUMN=time says which it is");
    if (!metric) fail("has no column of a metric");
    if (!model) fail("says of no model: a column 'model', or --set model=NAME");
  }

  void add_row(const std::vector<std::string>& row, std::map<std::pair<std::int64_t, std::string>, NightInput>& nights) {
    NightRow values;
    std::string run_id, commit;
    std::optional<std::int64_t> time;
    std::map<std::string, std::string> key(facts_.begin(), facts_.end());
    for (std::size_t i = 0; i < row.size(); ++i) {
      switch (meanings_[i].kind) {
        case Meaning::Kind::kTime:
          time = parse_utc(row[i]);
          if (!time) fail_line(fmt::format("'{}' is no time; expected such as 2026-11-21T03:22:00Z or seconds since 1970", row[i]));
          break;
        case Meaning::Kind::kRunId:
          run_id = row[i];
          break;
        case Meaning::Kind::kCommit:
          commit = row[i];
          break;
        case Meaning::Kind::kKey:
          key[meanings_[i].name] = row[i];
          break;
        case Meaning::Kind::kMetric:
          if (!row[i].empty()) values.values.emplace_back(meanings_[i].name, number(table_.header[i], row[i]));
          break;
      }
    }
    for (const std::string_view column : series_columns()) {
      std::string& value = key[std::string(column)];
      std::replace(value.begin(), value.end(), '\n', ' ');
      if (!value.empty()) values.key.facts.emplace_back(column, value);
    }
    if (values.key.fact("model").empty()) fail_line("has no model");
    if (run_id.empty()) run_id = format_utc(*time) + "-" + fs::path(where_).stem().string();
    NightInput& night = nights[{*time, run_id}];
    for (const NightRow& other : night.rows) {
      if (other.key.text() == values.key.text()) fail_line(fmt::format("the series '{}' has this time twice", values.key.label()));
    }
    night.run_id = run_id;
    night.git_sha = commit;
    night.source = where_;
    night.started_s = *time;
    night.rows.push_back(std::move(values));
  }

  double number(const std::string& column, const std::string& text) const {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
      fail_line(fmt::format("column '{}': '{}' is no finite number", column, text));
    }
    return value;
  }

  std::string where_;
  record::CsvTable table_;
  const Pairs& facts_;
  const Pairs& rename_;
  std::vector<Meaning> meanings_;
  std::size_t line_ = 1;
};

}  // namespace

std::vector<fs::path> export_for_otava(const History& history, const fs::path& folder, std::string_view series_filter) {
  const std::vector<SeriesInfo> all = history.series(series_filter);
  if (all.empty())
    throw Error(ErrorCode::kUsage,
                series_filter.empty() ? "the history holds no series" : fmt::format("no series matches '{}'", series_filter));
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(ErrorCode::kIo, error.message(), folder.string());
  std::vector<fs::path> files{folder / "otava.yaml"};
  std::string yaml = "tests:\n";
  for (const SeriesInfo& series : all) {
    for (const Sheet& sheet : sheets_of(history, series)) {
      files.push_back(folder / (sheet.name + ".csv"));
      write_text_file_atomic(files.back(), csv_of(sheet, series));
      yaml += yaml_of(sheet, series, files.back());
    }
  }
  write_text_file_atomic(files.front(), yaml);
  return files;
}

std::vector<NightInput> read_history_csv(const fs::path& path, const Pairs& facts, const Pairs& rename) {
  return CsvImport(path, facts, rename).read();
}

}  // namespace qbench::history
