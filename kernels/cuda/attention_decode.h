#pragma once

#include <cstdint>

#include "kernels/cuda/kv_layout.h"
#include "kernels/cuda/matvec.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Positions that a split of the cache holds at least; a split's length is a multiple.
constexpr std::int32_t kSplitPositions = 64;

/// out = softmax(q k^T / sqrt(head_dim)) v over the cache positions p <= position of the token that are > position - window (window 0: all) or
/// among the first `sinks` and > position - outer (outer 0: all).
struct AttentionArguments {
  const float* q;  // (tokens, heads, head_dim)
  const unsigned char* cache;
  KvLayout layout;
  std::int32_t layer;
  const std::int32_t* positions;  // (tokens)
  const std::int32_t* sequences;  // (tokens)
  std::int32_t tokens, heads, window;
  std::int32_t sinks, outer;
  std::int32_t splits;  ///< blocks that may share a token's positions; how many do follows from its depth
  float* partial;       // (tokens, heads, splits, head_dim + 2) workspace; unused with one split
  unsigned* tickets;    // (tokens, heads), zero before and after
  float* out;           // (tokens, heads, head_dim)
  bool programmatic;
  bool operator==(const AttentionArguments&) const = default;
};
/// Of `positions` that are read, each once for a KV head, by tokens that see `pairs` (token, position) pairs in all.
constexpr Cost attention_decode_cost(const AttentionArguments& a, std::int64_t positions, std::int64_t pairs) {
  const std::int64_t row = a.layout.head_dim * kv_number_bytes(a.layout.dtype) + 2 * kv_scales(a.layout.dtype, a.layout.head_dim);
  const std::int64_t numbers = std::int64_t{a.tokens} * a.heads * a.layout.head_dim;
  return {static_cast<std::uint64_t>(2 * positions * a.layout.kv_heads * row + 8 * numbers),
          static_cast<std::uint64_t>(4 * pairs * a.heads * a.layout.head_dim)};
}

/// Splits that keep the multiprocessors busy: about one block for each, so that joining them stays cheap.
constexpr std::int32_t attention_splits(std::int64_t tokens, std::int64_t kv_heads, std::int64_t positions, int sm_count) {
  const std::int64_t blocks = tokens * kv_heads;
  const std::int64_t wanted = (sm_count + blocks - 1) / blocks;
  const std::int64_t most = (positions + kSplitPositions - 1) / kSplitPositions;
  return static_cast<std::int32_t>(wanted < most ? wanted : most);
}

/// Requires head_dim <= kMostHeadDim and a multiple of 8.
void attention_decode(const AttentionArguments& a, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
