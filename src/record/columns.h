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
  bool by_session = false;  ///< text: the metric's value of each session
};

/// All columns of summary.csv in order: schema_version, what the row is, settings, metrics, fingerprints, machine, build.
std::span<const Column> summary_columns();

/// Columns that tell one cell of a run from the others, as CellKey does: "model", "suite", ..., "kv_policy".
std::span<const std::string_view> key_columns();

/// SHA-256 of everything that was set and decides what a request computes: suite, prompt source, pass, sampling, lengths, batch, context, type and
/// policy of the KV cache, threads, precision. Not how often it was repeated, nor which instruction sets or paths ran.
std::string settings_digest(const CellRecord& cell);

/// The limit that a phase meets first, "bandwidth" or "compute"; empty where costs or limits are not known.
std::string prefill_bound(const RooflineFacts& roofline);
std::string decode_bound(const RooflineFacts& roofline);

/// The cell's text for a column; empty means not measured or not known.
std::string cell_text(const Column& column, const RunRecord& run, const CellRecord& cell);

/// The columns as a markdown table, for results/README.md: name, unit, better, meaning.
std::string columns_markdown();

}  // namespace qbench::record
