#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/kv_cache.h"

namespace qbench::kernels::cpu {

/// Positions [begin, end) of a cache, position p in slot p - shift. A query at p sees those <= p and, where window > 0, > p - window.
struct AttentionSegment {
  std::int64_t begin, end;
  std::int64_t window;  ///< 0: all
  std::int64_t shift;
};

/// Scaled dot-product attention with a cache, tiled with an online softmax (Dao et al., FlashAttention, arXiv 2205.14135), float32
/// throughout.
///
/// One task: some query tokens of one sequence, the query heads of one KV head, and segments of the cache, none of them twice. All `group` query heads share each read of K and V. Work is done in blocks
/// of kAttentionBlock positions, so memory is linear. A task's result depends on its contents only.
struct AttentionTask {
  const KvLayout* layout;
  const std::byte* cache;  ///< of the layer, sequence and KV head
  const float* q;          ///< (tokens of the batch, q_stride), at the group's first head
  float* out;              ///< (tokens of the batch, q_stride), at the group's first head; used when partial is nullptr
  std::int64_t q_stride;
  const std::int32_t* tokens;     ///< (count) rows of q and out
  const std::int32_t* positions;  ///< by row of the batch
  std::int64_t count;
  std::int64_t group;  ///< query heads per KV head
  const AttentionSegment* segments;
  std::int64_t segment_count;
  float scale;     ///< 1 / sqrt(head_dim)
  float* partial;  ///< (count * group, padded_dim + 2): unnormalised sum, maximum, sum of weights; or nullptr
};

constexpr std::int64_t kAttentionBlock = 64;

/// float32 numbers of scratch that a task of `rows` = count * group rows needs. The scratch is 64-byte aligned.
std::int64_t attention_scratch(const KvLayout& layout, std::int64_t rows);

/// Tokens per task that keep the register tiles full and the scratch in the second-level cache.
std::int64_t attention_tokens_per_task(std::int64_t group);

struct AttentionKernels {
  void (*run)(const AttentionTask& task, float* scratch);

  /// The same with all scores in memory, in three passes over a whole task (partial nullptr): scores (count * group, stride), whose column c is
  /// position begin / kAttentionBlock * kAttentionBlock + c and whose stride covers `end` rounded up to a block; weights; out.
  void (*materialised_scores)(const AttentionTask& task, float* scratch, float* scores, std::int64_t stride);
  void (*materialised_softmax)(const AttentionTask& task, float* scores, std::int64_t stride);
  void (*materialised_values)(const AttentionTask& task, float* scratch, const float* scores, std::int64_t stride);

  /// out (head_dim) = the partial sums of one row, joined in order: part i starts at partials + i * stride.
  void (*combine)(const float* partials, std::int64_t parts, std::int64_t stride, std::int64_t head_dim, std::int64_t padded_dim,
                  float* out);
};

const AttentionKernels& attention_kernels(Isa isa);

}  // namespace qbench::kernels::cpu
