#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "engine/session.h"

namespace qbench::engine {

/// What the steps of a generation must read, write and compute, by the kernels' cost functions.
struct PhaseCosts {
  std::int64_t prefill_bytes = 0, prefill_flops = 0;
  std::int64_t decode_bytes = 0, decode_flops = 0;  ///< 0 for a generation of one token
};

/// The costs of generating `output_tokens` for each prompt, counted in a prefill and two decode steps that really run. Attention grows with the
/// position, so it is scaled by the positions that are seen; all else is the same in every step. The caches hold these prompts afterwards.
/// Error{kUnsupported} where the device cannot be asked; what the steps throw.
PhaseCosts count_phase_costs(backend::Backend& device, Session& session, std::span<const std::vector<std::int32_t>> prompts,
                             std::int64_t output_tokens, std::int64_t kv_window, std::int64_t kv_sinks);

}  // namespace qbench::engine
