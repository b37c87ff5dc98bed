#include "compare/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/ascii.h"
#include "base/error.h"
#include "base/json.h"
#include "compare/compare.h"
#include "compare/find_or_add.h"
#include "compare/pairing.h"
#include "compare/sentences.h"
#include "compare/task_pool.h"

namespace qbench::compare {
namespace {

using nlohmann::json;
using record::MetricId;
using record::ResultRow;

class ThresholdReader {
 public:
  explicit ThresholdReader(std::string where) : where_(std::move(where)) {}

  Thresholds read(const json& document) const {
    Thresholds thresholds;
    check_keys(document, "the file", {"title", "everywhere", "models"});
    if (document.contains("everywhere")) thresholds.everywhere = list(document["everywhere"], "everywhere");
    if (!document.contains("models")) return thresholds;
    if (!document["models"].is_object()) fail("models: expected an object");
    for (const auto& [name, model] : document["models"].items()) thresholds.models.push_back(model_limits(name, model));
    return thresholds;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw Error(ErrorCode::kConfig, message, where_); }

  void check_keys(const json& object, const std::string& name, std::initializer_list<std::string_view> known) const {
    if (!object.is_object()) fail(name + ": expected an object");
    for (const auto& item : object.items()) {
      if (std::find(known.begin(), known.end(), item.key()) == known.end()) fail(name + ": unknown key '" + item.key() + "'");
    }
  }

  ModelThresholds model_limits(const std::string& name, const json& model) const {
    check_keys(model, "models." + name, {"match", "limits"});
    ModelThresholds out;
    out.name = name;
    out.match = {ascii_lower(name)};
    if (model.contains("match")) {
      if (!model["match"].is_array() || model["match"].empty()) fail("models." + name + ".match: expected a list of names");
      out.match.clear();
      for (const json& word : model["match"]) {
        if (!word.is_string() || word.get<std::string>().empty()) fail("models." + name + ".match: expected names");
        out.match.push_back(ascii_lower(word.get<std::string>()));
      }
    }
    if (!model.contains("limits")) fail("models." + name + ": has no limits");
    out.thresholds = list(model["limits"], "models." + name + ".limits");
    return out;
  }

  std::vector<Threshold> list(const json& limits, const std::string& name) const {
    if (!limits.is_object()) fail(name + ": expected an object");
    std::vector<Threshold> out;
    for (const auto& [metric, limit] : limits.items()) out.push_back(threshold(metric, limit, name + "." + metric));
    return out;
  }

  Threshold threshold(const std::string& metric, const json& limit, const std::string& name) const {
    if (metric != "memory_bytes" && !record::metric_from_name(metric)) fail(name + ": no such metric; results/README.md lists them");
    check_keys(limit, name, {"min", "max", "fall_ratio", "severity"});
    Threshold out;
    out.metric = metric;
    out.min = number(limit, "min", name);
    out.max = number(limit, "max", name);
    out.fall_ratio = number(limit, "fall_ratio", name);
    if (!out.min && !out.max && !out.fall_ratio) fail(name + ": needs min, max or fall_ratio");
    if (limit.contains("severity")) {
      if (limit["severity"] != "warning" && limit["severity"] != "critical") fail(name + ".severity: expected \"warning\" or \"critical\"");
      out.severity = limit["severity"] == "critical" ? Severity::kCritical : Severity::kWarning;
    }
    return out;
  }

  std::optional<double> number(const json& object, const char* key, const std::string& name) const {
    if (!object.contains(key)) return std::nullopt;
    if (!object[key].is_number() || !std::isfinite(object[key].get<double>())) fail(name + "." + key + ": expected a number");
    return object[key].get<double>();
  }

  std::string where_;
};

std::optional<double> value_of(const ResultRow& row, const std::string& metric) {
  if (const auto id = record::metric_from_name(metric)) return row.metric(*id).value;
  return row.metric(device_class(row) == "cpu" ? MetricId::kPeakBytes : MetricId::kGpuUsedBytes).value;
}

std::string unit_of(const std::string& metric) {
  const auto id = record::metric_from_name(metric);
  return id ? std::string(record::info_of(*id).unit) : "bytes";
}

/// The limits that hold for a row: those of its model, and of those of every model the ones that its own do not replace.
std::vector<Threshold> limits_of(const ResultRow& row, const Thresholds& thresholds) {
  const std::string names = ascii_lower(row.fact("model")) + "\n" + ascii_lower(row.fact("model_name"));
  const ModelThresholds* best = nullptr;
  std::size_t longest = 0;
  for (const ModelThresholds& model : thresholds.models) {
    for (const std::string& word : model.match) {
      if (word.size() <= longest || names.find(word) == std::string::npos) continue;
      best = &model;
      longest = word.size();
    }
  }
  std::vector<Threshold> limits = best == nullptr ? std::vector<Threshold>() : best->thresholds;
  for (const Threshold& common : thresholds.everywhere) {
    if (std::none_of(limits.begin(), limits.end(), [&](const Threshold& own) { return own.metric == common.metric; }))
      limits.push_back(common);
  }
  return limits;
}

/// What a limit is held against: values of NEW, and of BASE and NEW where both have one.
struct Values {
  double sum = 0, n = 0;
  double base_sum = 0, paired_sum = 0, paired = 0;

  void add(double value, const std::optional<double>& before) {
    sum += value;
    ++n;
    if (!before) return;
    base_sum += *before;
    paired_sum += value;
    ++paired;
  }
};

/// Holds the mean against the limit.
void check(const Threshold& limit, const std::string& cell, const Values& values, std::vector<Alert>& alerts) {
  const double value = values.sum / values.n;
  const std::string unit = unit_of(limit.metric);
  const auto raise = [&](double bound, const std::string& words) {
    alerts.push_back({limit.severity, cell, limit.metric, unit, value, bound,
                      fmt::format("{} is {}, {}", limit.metric, value_text(value, unit), words)});
  };
  if (limit.min && value < *limit.min) raise(*limit.min, fmt::format("below the limit of {}", value_text(*limit.min, unit)));
  if (limit.max && value > *limit.max) raise(*limit.max, fmt::format("above the limit of {}", value_text(*limit.max, unit)));
  if (limit.fall_ratio && values.base_sum > 0 && values.paired_sum < values.base_sum * (1 - *limit.fall_ratio)) {
    const double before = values.base_sum / values.paired;
    raise(before * (1 - *limit.fall_ratio),
          fmt::format("fallen from {} by more than {:.0f} %", value_text(before, unit), 100 * *limit.fall_ratio));
  }
}

/// A limit on answers holds for a suite: one task that fails is 0 % of one answer.
struct SuiteLimit {
  std::string group;
  Threshold limit;
  CellOutcome cell;  ///< of the first row
  Values values;
};

void add_to_suite(const Threshold& limit, const CellOutcome& cell, double value, const std::optional<double>& before,
                  std::vector<SuiteLimit>& suites) {
  const auto same_group = [](const SuiteLimit& a, const SuiteLimit& b) { return a.group == b.group; };
  suites[find_or_add(suites, {group_of(cell) + "\n" + limit.metric, limit, cell, {}}, same_group)].values.add(value, before);
}

/// No limit holds for what has no values, and that is worse than any that is broken.
Alert failure_alert(const ResultRow& row) {
  const std::string words = row.failure.code + (row.failure.code.empty() || row.failure.message.empty() ? "" : ": ") + row.failure.message;
  return {Severity::kCritical,
          describe_cell(nullptr, &row).name(),
          "status",
          "",
          0,
          0,
          "the row failed" + (words.empty() ? "" : " (" + words + ")")};
}

}  // namespace

std::string_view name_of(Severity severity) noexcept { return severity == Severity::kCritical ? "critical" : "warning"; }

Thresholds read_thresholds(const std::filesystem::path& path) { return ThresholdReader(path.string()).read(read_json_file(path)); }

std::vector<Alert> find_alerts(const record::ResultSet& results, const Thresholds& thresholds, const record::ResultSet* base) {
  std::vector<Alert> alerts;
  std::vector<SuiteLimit> suites;
  const record::ResultSet none;
  for (const RowPair& pair : pair_rows(base == nullptr ? none : *base, results)) {
    if (pair.fresh == nullptr) continue;
    if (pair.fresh->status == record::Status::kFailed) alerts.push_back(failure_alert(*pair.fresh));
    if (!record::is_measured(pair.fresh->status)) continue;
    const CellOutcome cell = describe_cell(nullptr, pair.fresh);
    for (const Threshold& limit : limits_of(*pair.fresh, thresholds)) {
      const auto value = value_of(*pair.fresh, limit.metric);
      std::optional<double> before;
      if (pair.base != nullptr) before = value_of(*pair.base, limit.metric);
      if (!value) continue;
      if (is_of_tasks(limit.metric)) {
        add_to_suite(limit, cell, *value, before, suites);
        continue;
      }
      Values values;
      values.add(*value, before);
      check(limit, cell.name(), values, alerts);
    }
  }
  for (SuiteLimit& suite : suites) {
    if (suite.values.n > 1) suite.cell.prompt = fmt::format("{} ({:.0f} prompts)", suite_of(suite.cell), suite.values.n);
    check(suite.limit, suite.cell.name(), suite.values, alerts);
  }
  std::stable_sort(alerts.begin(), alerts.end(), [](const Alert& a, const Alert& b) { return a.severity > b.severity; });
  return alerts;
}

}  // namespace qbench::compare
