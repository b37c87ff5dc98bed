#pragma once

#include <cstdint>

#include "kernels/cuda/attention_decode.h"

// Attention with all scores in memory, as three kernels: what flash attention replaces, and what it is measured against.

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// As AttentionArguments, for any number of tokens. Columns of a row of scores that its token does not see are neither written nor read.
struct AttentionMaterialisedArguments {
  const float* q;  // (tokens, heads, head_dim)
  const unsigned char* cache;
  KvLayout layout;
  std::int32_t layer;
  const std::int32_t* positions;  // (tokens)
  const std::int32_t* sequences;  // (tokens)
  std::int32_t tokens, heads, window;
  float* scores;  // (tokens, heads, layout.positions) workspace: q k^T / sqrt(head_dim), then softmax of it
  float* out;     // (tokens, heads, head_dim)
  bool programmatic;
  bool operator==(const AttentionMaterialisedArguments&) const = default;
};
struct AttentionScoresArguments {
  AttentionMaterialisedArguments attention;
  bool operator==(const AttentionScoresArguments&) const = default;
};
struct AttentionSoftmaxArguments {
  AttentionMaterialisedArguments attention;
  bool operator==(const AttentionSoftmaxArguments&) const = default;
};
struct AttentionValuesArguments {
  AttentionMaterialisedArguments attention;
  bool operator==(const AttentionValuesArguments&) const = default;
};

/// Whether the three kernels read this cache: F32, F16, BF16, Q8_0, FP8.
constexpr bool materialised_reads(const KvLayout& layout) {
  return layout.dtype == tensor::DType::kF32 || layout.dtype == tensor::DType::kF16 || layout.dtype == tensor::DType::kBF16 ||
         layout.dtype == tensor::DType::kQ8_0 || layout.dtype == tensor::DType::kFP8;
}

/// Of `pairs` (query token, position) pairs in all. Keys or values of `positions` once for a KV head, as attention_decode_cost counts them.
constexpr Cost attention_keys_cost(const AttentionMaterialisedArguments& a, std::int64_t positions, std::int64_t pairs) {
  AttentionArguments flash{};
  flash.layout = a.layout;
  return {attention_decode_cost(flash, positions, pairs).bytes / 2, static_cast<std::uint64_t>(2 * pairs * a.heads * a.layout.head_dim)};
}
constexpr std::uint64_t attention_score_bytes(const AttentionMaterialisedArguments& a, std::int64_t pairs) {
  return static_cast<std::uint64_t>(4 * pairs * a.heads);
}
constexpr std::uint64_t attention_query_bytes(const AttentionMaterialisedArguments& a) {
  return static_cast<std::uint64_t>(std::int64_t{4} * a.tokens * a.heads * a.layout.head_dim);
}
constexpr Cost attention_scores_cost(const AttentionScoresArguments& a, std::int64_t positions, std::int64_t pairs) {
  const Cost keys = attention_keys_cost(a.attention, positions, pairs);
  return {keys.bytes + attention_score_bytes(a.attention, pairs) + attention_query_bytes(a.attention), keys.flops};
}
constexpr Cost attention_softmax_cost(const AttentionSoftmaxArguments& a, std::int64_t pairs) {
  return {2 * attention_score_bytes(a.attention, pairs), static_cast<std::uint64_t>(5 * pairs * a.attention.heads)};
}
constexpr Cost attention_values_cost(const AttentionValuesArguments& a, std::int64_t positions, std::int64_t pairs) {
  const Cost values = attention_keys_cost(a.attention, positions, pairs);
  return {values.bytes + attention_score_bytes(a.attention, pairs) + attention_query_bytes(a.attention), values.flops};
}

/// Require head_dim <= kMostHeadDim and materialised_reads(layout).
void attention_scores(const AttentionScoresArguments& a, Stream& stream);
void attention_softmax(const AttentionSoftmaxArguments& a, Stream& stream);
void attention_values(const AttentionValuesArguments& a, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
