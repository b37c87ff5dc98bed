#pragma once

#include "compare/outcome.h"
#include "compare/rules.h"
#include "record/result_set.h"

namespace qbench::compare {

/// NEW against BASE. Rows of the speed pass are judged by their sessions, rows that hold tasks together (task_pool.h); other rows of the text pass are no
/// measurement that two results share, and are left out with a note; where BASE has no others, their ratios are shown as unclear.
Comparison compare_results(const record::ResultSet& base, const record::ResultSet& fresh, const Rules& rules);

/// What a cell is called, from either row; states, failure and notes of both. Either may be null, not both. Without judgements.
CellOutcome describe_cell(const record::ResultRow* base, const record::ResultRow* fresh);

/// Whether a row is judged at all: measured in the speed pass, or with tasks or values of quality.
bool is_comparable(const record::ResultRow& row);

/// A number in a column of summary.csv that is no metric ("kv_bytes").
std::optional<double> fact_number(const record::ResultRow& row, std::string_view column);

Source source_of(const record::ResultSet& set);

}  // namespace qbench::compare
