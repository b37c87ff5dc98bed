#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "record/records.h"

namespace qbench::record {

/// A column of summary.csv. `unit` is empty for text.
struct Column {
  std::string name;
  std::string unit;
  std::string meaning;                                                          ///< what it holds; for metrics the formula
  std::string (*fact)(const RunRecord& run, const CellRecord& cell) = nullptr;  ///< set for columns that are no metric
  MetricId metric = MetricId::kCount;                                           ///< set for metrics, with the statistic
  Statistic statistic = Statistic::kNone;
};

/// All columns of summary.csv in order: schema_version, what the row is, settings, metrics, fingerprints, machine, build.
std::span<const Column> summary_columns();

/// The cell's text for a column; empty means not measured or not known.
std::string cell_text(const Column& column, const RunRecord& run, const CellRecord& cell);

/// The columns as a markdown table, for results/README.md: name, unit, better, meaning.
std::string columns_markdown();

}  // namespace qbench::record
