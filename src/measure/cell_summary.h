#pragma once

#include <span>

#include "record/records.h"

namespace qbench::measure {

/// Completes a row: `cell` brings key, model, settings and start; from the samples of this cell (others are ignored) come status, failure,
/// counts, stop reason, digest and all metrics. Statistics are over the timed repetitions that worked. `load`: the load of the worker
/// process that ran the cell, or nullptr; with the cold repetition, where the cell has it, it gives the kLoad metrics. A status other than
/// kOk that the caller has set stays; a failed repetition makes the row failed with the first failure; no timed repetition at all does so
/// too. Rows of synthetic prompts (settings.prompt_source) have no text, character and digest values.
record::CellRecord summarize_cell(record::CellRecord cell, std::span<const record::SampleRecord> samples, const record::LoadRecord* load);

}  // namespace qbench::measure
