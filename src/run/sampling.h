#pragma once

#include <string>

#include "engine/sampler.h"
#include "workload/settings.h"

namespace qbench::run {

/// What the engine's sampler gets; `greedy` leaves only the seed.
engine::SamplingParams sampling_params(const workload::EffectiveSettings& settings, bool greedy);

/// The same as one compact JSON object, what the template was told of thinking, stop strings and what acts on thoughts included, for the
/// row. host_fed: tokens were picked on the host though the device could, because thoughts are watched.
std::string sampling_json(const workload::EffectiveSettings& settings, bool greedy, bool host_fed = false);

}  // namespace qbench::run
