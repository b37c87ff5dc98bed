#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "record/metric_catalog.h"
#include "record/records.h"
#include "record/sample_file.h"

/// What several reports take out of the records: which repetitions, which facts, which metrics first.
namespace qbench::report {

/// The timed repetitions of a cell that worked, in file order.
std::vector<const record::SampleRecord*> timed_samples(const record::CellRecord& cell, const std::vector<const record::SampleRecord*>& samples);

/// The one with the middle end-to-end time: a real one, so that its parts add up. Null where none has one.
const record::SampleRecord* middle_repetition(std::vector<const record::SampleRecord*> timed);

/// A part of a request's time, in ms.
struct PhaseTime {
  std::string_view name;
  double ms = 0;
};
/// The parts of a repetition between t0 and tn in order, what no part accounts for last; they add up to e2e_ms. Empty without e2e_ms.
std::vector<PhaseTime> phase_times(const record::SampleRecord& sample);

/// Columns of summary.csv that are no metrics, with their text, where it is not empty and the same for all of the cells.
std::vector<std::pair<std::string, std::string>> shared_facts(const record::RunRecord& run, const std::vector<const record::CellRecord*>& cells);

/// All metrics of the catalogue, those that most people look for first, the others in the catalogue's order. `first`: how many are the former.
struct MetricOrder {
  std::vector<record::MetricId> ids;
  std::size_t first = 0;
};
MetricOrder metric_order();

/// The row's value: the metric at its main statistic (median, of peaks max).
const std::optional<double>& row_value(const record::CellRecord& cell, record::MetricId id);

/// `fizzbuzz`, `fizzbuzz, turn 2`.
std::string prompt_name(const record::CellKey& key);

/// The same prompt, turn and pass.
bool same_request(const record::CellKey& a, const record::CellKey& b);

/// What tells a row from others of the same model and request: ", KV fp8, batch 4"; empty where it is the only one.
std::string row_difference(const record::CellRecord& cell, const std::vector<record::CellRecord>& cells);

/// Labels of all models of the run, in the order in which they ran.
std::vector<std::string> model_labels(const record::RunRecord& run, const record::SampleFileContent& content);

}  // namespace qbench::report
