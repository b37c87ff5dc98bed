#include <fmt/format.h>

#include <algorithm>

#include "report/junit.h"
#include "report/junit_names.h"

namespace qbench::report {
namespace {

using compare::CellOutcome;
using compare::Comparison;
using compare::Judgement;
using compare::RowState;
using compare::Verdict;

std::string value_text(const std::optional<double>& value, const std::string& text, const std::string& unit) {
  if (value) return record::format_value(value) + (unit.empty() ? "" : " " + unit);
  return text.empty() ? "none" : text;
}

std::string list_text(const char* name, const std::vector<double>& values) {
  if (values.empty()) return {};
  std::string out = name;
  for (const double value : values) out += " " + record::format_value(value);
  return out + "\n";
}

std::string judgement_text(const Judgement& judgement, bool is_gate) {
  const std::optional<double>& band = is_gate ? judgement.band : judgement.delta;
  std::string out = fmt::format("value {} ({})\nbaseline {}\n", value_text(judgement.fresh, judgement.new_text, judgement.unit), better_text(judgement.better),
                                value_text(judgement.base, judgement.base_text, judgement.unit));
  out += judgement.ratio ? fmt::format("ratio {:.4f}\n", *judgement.ratio) : "";
  out += judgement.ratio_low && judgement.ratio_high ? fmt::format("ratio's interval {:.4f} to {:.4f}\n", *judgement.ratio_low, *judgement.ratio_high) : "";
  out += band ? fmt::format("band +-{:.4g} %\n", 100 * *band) : "band none\n";
  out += fmt::format("verdict {} ({}): {}\n", name_of(judgement.verdict), name_of(judgement.reason), judgement.sentence);
  out += list_text(is_gate ? "accepted nights" : "base sessions", judgement.base_sessions);
  return out + list_text("new sessions", judgement.new_sessions);
}

bool is_quality(const std::string& metric) {
  return metric == "quality_score" || metric == "success_ratio" || metric == "context_efficiency_ratio" || metric == "tasks";
}

std::string row_text(const CellOutcome& cell) {
  std::string out = cell.prompt + " " + cell.pass;
  if (!cell.precision.empty()) out += " " + cell.precision;
  return cell.settings.empty() ? out : out + ", " + cell.settings;
}

JunitCase status_case(const CellOutcome& cell) {
  JunitCase one;
  one.classname = junit_class(cell.device, cell.model);
  one.name = "status[" + row_text(cell) + "]";
  one.seconds = cell.measured_s;
  one.text = fmt::format("base {}, new {}\n", name_of(cell.base_state), name_of(cell.new_state));
  for (const std::string& note : cell.notes) one.text += note + "\n";
  one.message = cell.failure;
  if (cell.new_state == RowState::kFailed) {
    one.result = CaseResult::kError;
    one.type = error_type(cell.failure.substr(0, cell.failure.find(':')));
  } else if (cell.new_state != RowState::kMeasured) {
    one.result = CaseResult::kSkipped;
    one.type = name_of(cell.new_state);
    if (one.message.empty()) one.message = "the new result's row is " + std::string(name_of(cell.new_state));
  }
  return one;
}

JunitCase judged_case(const CellOutcome& cell, const Judgement& judgement, bool is_gate) {
  JunitCase one;
  one.classname = junit_class(cell.device, cell.model);
  one.name = fmt::format("{}[{}]", judgement.metric, row_text(cell));
  one.text = judgement_text(judgement, is_gate);
  one.message = judgement.sentence;
  switch (judgement.verdict) {
    case Verdict::kSame:
    case Verdict::kBetter:
      break;
    case Verdict::kWorse:
      one.result = CaseResult::kFailure;
      one.type = is_quality(judgement.metric) ? "QualityRegression" : "PerformanceRegression";
      break;
    case Verdict::kSuspect:
    case Verdict::kUnclear:
    case Verdict::kMissing:
      one.result = CaseResult::kSkipped;
      one.type = name_of(judgement.verdict);
      break;
  }
  return one;
}

/// A metric that neither side has.
bool is_no_news(const Judgement& judgement) {
  return judgement.verdict == Verdict::kMissing && judgement.reason == compare::Reason::kNoValue && !judgement.base && !judgement.fresh;
}

std::string fact(const compare::Facts& facts, std::string_view name) {
  for (const auto& [column, text] : facts) {
    if (column == name) return text;
  }
  return {};
}

JunitSuite new_suite(const Comparison& comparison, const std::string& name) {
  JunitSuite suite{name, fact(comparison.fresh.machine, "host_hash"), comparison.fresh.started_utc, {}, {}, {}};
  suite.properties = {{"base", comparison.base.path}, {"new", comparison.fresh.path}};
  for (const auto& one : comparison.fresh.machine) suite.properties.push_back(one);
  for (const auto& [column, text] : comparison.base.machine) suite.properties.emplace_back("base." + column, text);
  for (const std::string& note : comparison.notes) suite.system_out += note + "\n";
  return suite;
}

/// A monitor's alerts, a case each; none is a case that passes, so that a report of nothing is not taken for no report.
JunitSuite alert_suite(const std::vector<compare::Alert>& alerts) {
  JunitSuite suite{"monitor", "", "", {}, {}, {}};
  for (const compare::Alert& alert : alerts) {
    JunitCase one;
    one.classname = "monitor";
    one.name = fmt::format("{}[{}]", alert.metric, alert.cell);
    one.result = alert.severity == compare::Severity::kCritical ? CaseResult::kFailure : CaseResult::kSkipped;
    if (alert.metric == "status") one.result = CaseResult::kError;
    one.type = alert.severity == compare::Severity::kCritical ? "CriticalAlert" : "WarningAlert";
    one.message = alert.sentence;
    suite.cases.push_back(std::move(one));
  }
  if (alerts.empty()) suite.cases.push_back({"monitor", "alerts", std::nullopt, CaseResult::kPassed, "", "", "0 alerts\n"});
  return suite;
}

std::vector<JunitSuite> comparison_suites(const std::vector<Comparison>& comparisons) {
  std::vector<JunitSuite> suites;
  for (const Comparison& comparison : comparisons) {
    const std::size_t first = suites.size();
    for (const CellOutcome& cell : comparison.cells) {
      // Several new results have a suite each for the same model.
      const std::string name = comparisons.size() > 1 ? cell.model + " @ " + comparison.fresh.path : cell.model;
      auto found = std::find_if(suites.begin() + static_cast<std::ptrdiff_t>(first), suites.end(), [&](const JunitSuite& suite) { return suite.name == name; });
      if (found == suites.end()) found = suites.insert(suites.end(), new_suite(comparison, name));
      found->cases.push_back(status_case(cell));
      for (const Judgement& judgement : cell.judgements) {
        if (!is_no_news(judgement)) found->cases.push_back(judged_case(cell, judgement, comparison.is_gate));
      }
    }
  }
  return suites;
}

std::string document_name(const std::vector<Comparison>& comparisons) {
  return !comparisons.empty() && comparisons.front().is_gate ? "qbench gate" : "qbench compare";
}

}  // namespace

std::string comparison_junit(const std::vector<Comparison>& comparisons) {
  return junit_xml(document_name(comparisons), comparison_suites(comparisons));
}

std::string comparison_junit(const ComparisonReport& report) {
  std::vector<JunitSuite> suites = comparison_suites(report.comparisons);
  if (report.monitored) suites.push_back(alert_suite(report.alerts));
  return junit_xml(document_name(report.comparisons), suites);
}

}  // namespace qbench::report
