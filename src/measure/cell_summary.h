#pragma once

#include <span>

#include "record/records.h"

namespace qbench::measure {

/// Completes a row: `cell` brings key, model, settings, state, roofline facts and start; from the samples of this cell (others are ignored) come
/// status, failure, counts, stop reason, digest, the values of the sessions and all metrics. A session's value is the catalogue's main statistic over
/// its timed repetitions that worked and were not throttled (keep_unthrottled), the row's the median of the sessions'. `loads`: those of the run; the
/// last one of the cell's model and session gives, with the session's cold repetition, the kLoad metrics. A status other than kOk that the caller has
/// set stays; a failed repetition makes the row failed with the first failure; no timed repetition at all does so too; too many throttled ones make it
/// kThrottled. Rows of synthetic prompts (settings.prompt_source) have no text, character and digest values.
record::CellRecord summarize_cell(record::CellRecord cell, std::span<const record::SampleRecord> samples, std::span<const record::LoadRecord> loads);

}  // namespace qbench::measure
