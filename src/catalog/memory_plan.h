#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/model_config.h"

namespace qbench::catalog {

/// Bytes per number of a KV type: f32 4, bf16 and f16 2, q8_0 34/32 (a half-precision scale per 32 numbers), fp8 1 + 2/head_dim (one scale for a
/// head at a position). Error{kUsage} for another name.
double kv_bytes_per_number(std::string_view kv_type, std::int64_t head_dim);

/// What is to be placed.
struct MemoryDemand {
  std::uint64_t weight_bytes = 0;  ///< on the device (model::total_weights, or the file's tensors)
  std::string kv_type = "bf16";
  std::int64_t context = 0;           ///< positions per sequence that are asked for; 0: the checkpoint's
  std::int64_t sequences = 1;         ///< --batch
  /// Positions that the cache has room for, of so many in the context: fewer with --kv-window. Empty: all.
  std::function<std::int64_t(std::int64_t context)> room;
  /// Bytes of one sequence's cache with room for so many positions, as the device lays it out. Empty: positions times kv_bytes_per_number.
  std::function<std::uint64_t(std::int64_t room)> sequence_bytes;
  std::uint64_t more_kv_bytes = 0;    ///< of other caches that are there at the same time
  std::uint64_t workspace_bytes = 0;  ///< activations and logits
  std::uint64_t load_bytes = 0;       ///< beside the weights until they are complete, before there is a KV cache: a file that is read whole
};

/// KV cache of one sequence at one length.
struct KvAtContext {
  std::int64_t context = 0;  ///< positions
  std::uint64_t bytes = 0;
  std::uint64_t sequences_that_fit = 0;  ///< beside the weights and the workspace in the memory there is
  bool within_checkpoint = true;         ///< false: longer than the context that the checkpoint states
};

/// What fits beside what.
struct MemoryPlan {
  std::uint64_t weight_bytes = 0;
  std::uint64_t workspace_bytes = 0;
  std::uint64_t load_bytes = 0;
  std::uint64_t kv_bytes_per_position = 0;  ///< rounded up to whole bytes
  std::string kv_type;
  std::int64_t context = 0;  ///< of the demand, the checkpoint's filled in
  std::int64_t sequences = 1;
  std::int64_t room = 0;           ///< positions that the cache of one sequence has room for
  std::uint64_t kv_bytes = 0;      ///< of the demand: all sequences at its context
  std::uint64_t more_kv_bytes = 0;
  std::uint64_t needed_bytes = 0;  ///< weights + the larger of (workspace + kv_bytes + more_kv_bytes) and load_bytes
  std::uint64_t available_bytes = 0;
  std::string available_note;  ///< where that comes from when it is not simply what is free: "64.00 GB free, 5% headroom, --vram-limit 12GiB"
  bool fits = false;
  std::uint64_t missing_bytes = 0;   ///< 0 when it fits
  std::int64_t longest_context = 0;  ///< of one sequence in the memory there is, at most the checkpoint's; 0: the weights alone do not fit
  std::vector<KvAtContext> table;    ///< 1024, 4096, 10240, 32768 and the checkpoint's full context, in this order, none twice
};

/// Pure arithmetic; counts that do not fit 64 bits saturate. `available_bytes`: memory of the device that may be used. Error{kUsage} for an
/// unknown kv_type, a context or a number of sequences below 1.
MemoryPlan plan_memory(const formats::ModelConfig& config, const MemoryDemand& demand, std::uint64_t available_bytes);

/// One line for errors and skips: `needs 65.5 GB (weights 61.1 GB, KV 4.3 GB, workspace 0.1 GB), 16.7 GB available: 48.8 GB short`.
std::string describe(const MemoryPlan& plan);

}  // namespace qbench::catalog
