#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "compare/across.h"
#include "compare/monitor.h"
#include "compare/outcome.h"

/// Comparisons, gates, device tables and alerts as terminal text, markdown, CSV and JSON.
namespace qbench::report {

/// What `compare` has found out.
struct ComparisonReport {
  std::vector<compare::Comparison> comparisons;
  std::vector<compare::Alert> alerts;
  std::vector<compare::Recommendation> recommendations;
  bool monitored = false;  ///< thresholds were asked for: no alert is news too
};

struct ComparisonOptions {
  std::size_t width = 80;  ///< of the terminal; not below 60
  bool color = false;
  bool all = false;  ///< also what is the same and what neither side has
};

/// Per comparison a line with the counts, then a line per judgement and its sentence, worst first within a cell. Without `all`, what is the
/// same is counted and what neither side has is left out. Ends with a newline.
std::string comparison_terminal(const ComparisonReport& report, const ComparisonOptions& options = {});
std::string comparison_markdown(const ComparisonReport& report);
/// One row per judgement, every judgement; RFC 4180. Alerts are not in it.
std::string comparison_csv(const ComparisonReport& report);
std::string comparison_json(const ComparisonReport& report);

std::string across_terminal(const compare::AcrossTable& table, const ComparisonOptions& options = {});
std::string across_markdown(const compare::AcrossTable& table);
std::string across_csv(const compare::AcrossTable& table);
std::string across_json(const compare::AcrossTable& table);

}  // namespace qbench::report
