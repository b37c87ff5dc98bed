#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "record/records.h"

namespace qbench::measure {

/// The metrics that come from a repetition's GPU telemetry, nothing of them where there is none. Joules per token are the energy counter's advance
/// over `output_tokens`, empty where the GPU has no counter and below one second, which is too short for how often it advances.
/// Means leave out the first entry, which is taken before the work begins.
void add_gpu_metrics(const record::TelemetrySeries& telemetry, std::int64_t output_tokens, record::MetricValues& metrics);

/// The counter's advance over all timed repetitions of a cell together, by all their tokens: repetitions that are each too short have one together.
/// Nothing where one has no counter, and below one second in all.
std::optional<double> pooled_joules_per_token(std::span<const record::SampleRecord* const> timed);

/// What disturbed the timed repetitions of a cell on the GPU, as far as its telemetry shows it: "the GPU was throttled in 12 of 40 samples (power
/// cap)", "its SM clock moved between 1200 and 1980 MHz". Empty when nothing did.
std::string gpu_disturbances(std::span<const record::SampleRecord* const> timed);

}  // namespace qbench::measure
