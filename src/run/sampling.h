#pragma once

#include <string>

#include "engine/sampler.h"
#include "workload/settings.h"

namespace qbench::run {

/// What the engine's sampler gets; `greedy` leaves only the seed.
engine::SamplingParams sampling_params(const workload::EffectiveSettings& settings, bool greedy);

/// The same as one compact JSON object, stop strings included, for the row.
std::string sampling_json(const workload::EffectiveSettings& settings, bool greedy);

}  // namespace qbench::run
