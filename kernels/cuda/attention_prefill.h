#pragma once

#include <cstdint>

#include "kernels/cuda/kv_layout.h"
#include "kernels/cuda/matvec.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Query tokens of a tile.
constexpr std::int32_t kPrefillTokens = 64;

/// Neighbouring tokens of a step that are of one sequence and at consecutive positions.
struct PrefillTile {
  std::int32_t first_token, tokens;  ///< at most kPrefillTokens
  std::int32_t first_position, sequence;
};

/// Attention of many tokens of a sequence at once, over a cache that holds their own keys and values already. As attention_decode, but
/// queries (divided by sqrt(head_dim)) and probabilities are rounded for the tensor cores, with a BF16 cache to BF16, else to F16; with FP8
/// and Q8_0 caches keys and values, too, which beyond 65,504 become the largest F16. Scores, softmax and sums are float32.
struct AttentionPrefillArguments {
  const float* q;  // (tokens, heads, head_dim)
  const unsigned char* cache;
  KvLayout layout;
  std::int32_t layer;
  const PrefillTile* tiles;  // (tile_count)
  std::int32_t tile_count, heads, window;
  float* out;  // (tokens, heads, head_dim)
  bool programmatic;
  std::int32_t sinks = 0, outer = 0;  ///< as in AttentionArguments

  bool operator==(const AttentionPrefillArguments&) const = default;
};
/// Of `tokens` queries that see `pairs` (query, position) pairs in all, of `positions` positions: keys and values must come from memory once for a
/// KV head, though each tile and query head reads them again, mostly from L2.
constexpr Cost attention_prefill_cost(const AttentionPrefillArguments& a, std::int64_t tokens, std::int64_t positions, std::int64_t pairs) {
  const std::int64_t numbers = tokens * a.heads * a.layout.head_dim;
  const std::int64_t row = a.layout.head_dim * kv_number_bytes(a.layout.dtype) + 2 * kv_scales(a.layout.dtype, a.layout.head_dim);
  return {static_cast<std::uint64_t>(8 * numbers + 2 * positions * a.layout.kv_heads * row),
          static_cast<std::uint64_t>(4 * pairs * a.heads * a.layout.head_dim)};
}

/// Whether attention_prefill does this cache: any type but F32, heads of 64, 96 or 128 numbers.
constexpr bool prefill_reads(const KvLayout& layout) {
  return layout.dtype != tensor::DType::kF32 && (layout.head_dim == 64 || layout.head_dim == 96 || layout.head_dim == 128);
}
void attention_prefill(const AttentionPrefillArguments& a, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
