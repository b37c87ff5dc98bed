#include <nlohmann/json.hpp>

#include "base/json.h"
#include "record/csv.h"
#include "report/comparison_text.h"

namespace qbench::report {
namespace {

using compare::CellOutcome;
using compare::Comparison;
using compare::Judgement;
using nlohmann::ordered_json;
using record::format_value;

ordered_json number(const std::optional<double>& value) { return value ? ordered_json(*value) : ordered_json(nullptr); }

std::string joined(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : " ") + format_value(value);
  return text;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "; ") + line;
  return text;
}

std::vector<std::string> csv_row(const Comparison& comparison, const CellOutcome& cell, const Judgement& j) {
  return {comparison.base.path,
          comparison.fresh.path,
          comparison.base.run_id,
          comparison.fresh.run_id,
          cell.model,
          cell.precision,
          cell.prompt,
          cell.pass,
          cell.device,
          cell.device_description,
          cell.settings,
          j.metric,
          j.unit,
          std::string(name_of(j.better)),
          std::string(name_of(j.verdict)),
          std::string(name_of(j.reason)),
          j.base ? format_value(j.base) : j.base_text,
          j.fresh ? format_value(j.fresh) : j.new_text,
          format_value(j.ratio),
          format_value(j.delta),
          format_value(j.band),
          joined(j.base_sessions),
          joined(j.new_sessions),
          joined(cell.notes),
          j.sentence};
}

ordered_json judgement_json(const Judgement& j) {
  ordered_json object{{"metric", j.metric},
                      {"unit", j.unit},
                      {"better", name_of(j.better)},
                      {"verdict", name_of(j.verdict)},
                      {"reason", name_of(j.reason)},
                      {"sentence", j.sentence},
                      {"base", number(j.base)},
                      {"new", number(j.fresh)},
                      {"ratio", number(j.ratio)},
                      {"delta", number(j.delta)},
                      {"band", number(j.band)},
                      {"base_sessions", j.base_sessions},
                      {"new_sessions", j.new_sessions}};
  if (j.ratio_low && j.ratio_high) object["ratio_interval"] = {*j.ratio_low, *j.ratio_high};
  if (!j.base_text.empty() || !j.new_text.empty()) {
    object["base_text"] = j.base_text;
    object["new_text"] = j.new_text;
  }
  return object;
}

ordered_json cell_json(const CellOutcome& cell) {
  ordered_json judgements = ordered_json::array();
  for (const Judgement& judgement : cell.judgements) judgements.push_back(judgement_json(judgement));
  return {{"model", cell.model},
          {"precision", cell.precision},
          {"prompt", cell.prompt},
          {"pass", cell.pass},
          {"device", cell.device},
          {"device_description", cell.device_description},
          {"settings", cell.settings},
          {"base_state", name_of(cell.base_state)},
          {"new_state", name_of(cell.new_state)},
          {"failure", cell.failure},
          {"notes", cell.notes},
          {"judgements", judgements}};
}

ordered_json source_json(const compare::Source& source) {
  ordered_json machine = ordered_json::object();
  for (const auto& [name, text] : source.machine) machine[name] = text;
  return {{"path", source.path}, {"run_id", source.run_id}, {"started_utc", source.started_utc}, {"machine", machine}};
}

}  // namespace

std::string comparison_csv(const ComparisonReport& report) {
  std::string out = record::csv_line(
      {"base_path", "new_path",      "base_run_id",  "new_run_id", "model",   "precision", "prompt", "pass", "device", "device_description",
       "settings",  "metric",        "unit",         "better",     "verdict", "reason",    "base",   "new",  "ratio",  "delta",
       "band",      "base_sessions", "new_sessions", "notes",      "sentence"});
  for (const Comparison& comparison : report.comparisons) {
    for (const CellOutcome& cell : comparison.cells) {
      for (const Judgement& judgement : cell.judgements) out += record::csv_line(csv_row(comparison, cell, judgement));
    }
  }
  return out;
}

std::string comparison_json(const ComparisonReport& report) {
  ordered_json all = ordered_json::array();
  for (const Comparison& comparison : report.comparisons) {
    ordered_json cells = ordered_json::array(), counts = ordered_json::object();
    for (const CellOutcome& cell : comparison.cells) cells.push_back(cell_json(cell));
    for (std::size_t i = 0; i < compare::kVerdictCount; ++i) {
      const auto verdict = static_cast<compare::Verdict>(i);
      counts[std::string(name_of(verdict))] = comparison.count(verdict);
    }
    all.push_back({{"kind", comparison.is_gate ? "gate" : comparison.is_paired ? "pairs" : "comparison"},
                   {"base", source_json(comparison.base)},
                   {"new", source_json(comparison.fresh)},
                   {"counts", counts},
                   {"notes", comparison.notes},
                   {"cells", cells}});
  }
  ordered_json document{{"comparisons", all}};
  if (report.monitored) {
    document["alerts"] = ordered_json::array();
    for (const auto& a : report.alerts) {
      document["alerts"].push_back({{"severity", name_of(a.severity)},
                                    {"cell", a.cell},
                                    {"metric", a.metric},
                                    {"unit", a.unit},
                                    {"value", a.value},
                                    {"limit", a.limit},
                                    {"sentence", a.sentence}});
    }
    document["recommendations"] = ordered_json::array();
    for (const auto& r : report.recommendations) {
      document["recommendations"].push_back({{"cell", r.cell}, {"bound", r.bound}, {"sentence", r.sentence}});
    }
  }
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace qbench::report
