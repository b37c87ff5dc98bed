#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "record/records.h"

namespace qbench::measure {

/// now_ns() stamps as nanoseconds after t0.
std::vector<std::int64_t> offsets_from(std::int64_t t0_ns, std::span<const std::int64_t> stamps_ns);

/// True where the cell ran on the emulated device, whose times are no measurement: its metrics with a time in them stay empty.
bool is_emulated(const record::CellKey& cell);

/// The metrics of one repetition from its stamps. With several sequences the formulas are those of the catalogue (tokens of all sequences;
/// decoding begins when the last sequence has its first token); with one they are the usual ones. Undefined (one token: no gaps) is
/// nothing. A failed repetition has no metrics. QB_CHECK: stamps that run backwards.
record::MetricValues sample_metrics(const record::SampleRecord& sample);

/// The metrics of a load (load_ms, open_ms, pack_ms), without those of the first request.
record::MetricValues load_metrics(const record::LoadRecord& load);

/// Gaps between consecutive tokens of each sequence, in ms, appended to `gaps`. With several sequences only those from t1 on, the moment at
/// which the last sequence has its first token: an earlier gap holds the prefill of another sequence.
void append_gaps_ms(const record::SampleRecord& sample, std::vector<double>& gaps);

}  // namespace qbench::measure
