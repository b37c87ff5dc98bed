#pragma once

#include <cstdint>
#include <vector>

#include "backend/backend.h"
#include "formats/model_config.h"
#include "workload/settings.h"

namespace qbench::run {

/// A KV cache of one length, allocated to see what it takes.
struct KvGrowth {
  std::int64_t context = 0;         ///< positions per sequence
  std::uint64_t formula_bytes = 0;  ///< of the positions that the cache has room for, as the device lays them out, all sequences
  bool allocated = false;           ///< false: the formula says that it does not fit, nothing was tried
  std::uint64_t missing_bytes = 0;  ///< by how much it does not fit
  std::uint64_t device_bytes = 0;   ///< what the device's allocation holds
  std::int64_t taken_bytes = 0;     ///< CPU: growth of the process's resident size; CUDA: what the device has less
};

/// One after the other, each freed before the next. Settings: kv_type, kv_window, kv_sinks, batch. Error{kMemory} when the device refuses
/// what should fit, {kUnsupported}.
std::vector<KvGrowth> measure_kv_growth(backend::Backend& device, const formats::ModelConfig& config,
                                        const workload::EffectiveSettings& settings, const std::vector<std::int64_t>& contexts,
                                        std::uint64_t available_bytes);

}  // namespace qbench::run
