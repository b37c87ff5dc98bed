#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compare/outcome.h"
#include "record/records.h"
#include "record/sample_file.h"
#include "report/comparison_text.h"

/// JUnit XML as Jenkins's xunit plugin (junit-10.xsd) and GitLab read it: a suite per model, a case per row and per metric that gates judge.
namespace qbench::report {

enum class CaseResult : std::uint8_t {
  kPassed,
  kFailure,  ///< measured, and judged a regression
  kError,    ///< could not be measured
  kSkipped,  ///< not measured on purpose, or judged without a verdict that passes or fails
};

struct JunitCase {
  std::string classname, name;
  std::optional<double> seconds;  ///< that measuring took; nothing where that is counted elsewhere
  CaseResult result = CaseResult::kPassed;
  std::string type, message;  ///< of a failure, an error or a skip
  std::string text;           ///< value, baseline, band and verdict: in system-out and, of a failure, in its element
};

struct JunitSuite {
  std::string name, hostname, timestamp;  ///< ISO 8601 UTC
  std::vector<std::pair<std::string, std::string>> properties;
  std::vector<JunitCase> cases;
  std::string system_out;
};

/// The document. Text that XML cannot hold becomes what `printable` makes of it; the counts are those of the cases.
std::string junit_xml(const std::string& name, const std::vector<JunitSuite>& suites);

/// A run alone: `status[...]` of each row (an error where it failed, a skip where it was skipped or throttled) and a case for each metric that
/// the catalogue marks by_session and the row has: its value and sessions, not judged. All metrics of all rows stand in the suite's
/// system-out, the machine in its properties.
std::string run_junit(const record::RunRecord& run, const record::SampleFileContent& content);

/// Comparisons or gates: a failure where something is worse, a skip with the verdict as its type where it is suspect, unclear or missing.
/// A row that failed is an error. Alerts of a monitor are a suite of their own: critical ones failures, warnings skips; without one it passes.
std::string comparison_junit(const std::vector<compare::Comparison>& comparisons);
std::string comparison_junit(const ComparisonReport& report);

}  // namespace qbench::report
