#include "kernels/cuda/attention_materialised.h"

#include "kernels/cuda/matvec_rows.cuh"

// scores: a block is 64 positions of one query head and token; a warp takes every eighth of them, its lanes the numbers of the head.
// softmax: a block is one row of scores; maximum and sum meet in shared memory. values: a block is one row's result; a warp takes every
// eighth position, its lanes the numbers of the head, and the warps' sums meet in shared memory. Bytes: keys and values once for every query
// head (once from memory for a KV head, the rest from L2); scores written once, read and written once, read once. Deterministic.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kWarps = 8;
constexpr int kThreads = 32 * kWarps;
constexpr int kBlockPositions = 64;
constexpr int kLaneNumbers = kMostHeadDim / 32;

QB_DEVICE float kv_number(const KvLayout& layout, const unsigned char* plane, const unsigned char* scales, long long at) {
  switch (layout.dtype) {
    case DType::kF16:
      return f16_to_float(reinterpret_cast<const unsigned short*>(plane)[at]);
    case DType::kBF16:
      return bf16_to_float(reinterpret_cast<const unsigned short*>(plane)[at]);
    case DType::kQ8_0:  // blocks of 32 numbers never straddle rows
      return f16_to_float(reinterpret_cast<const unsigned short*>(scales)[at / 32]) *
             static_cast<float>(reinterpret_cast<const signed char*>(plane)[at]);
    case DType::kFP8:
      return bf16_to_float(reinterpret_cast<const unsigned short*>(scales)[at / layout.head_dim]) * e4m3x4_to_floats(plane[at]).x;
    default:
      return reinterpret_cast<const float*>(plane)[at];
  }
}

/// What one query head of one token sees.
struct Row {
  int first, last;  // positions
  const unsigned char* block;
  float* scores;      // (layout.positions)
  long long numbers;  // offset of the head in q and out
};
QB_DEVICE Row row_of(const AttentionMaterialisedArguments& a, int token, int head) {
  const int position = a.positions[token];
  const int first = a.window > 0 && position - a.window + 1 > 0 ? position - a.window + 1 : 0;
  const int kv_head = head / (a.heads / a.layout.kv_heads);
  const long long row = static_cast<long long>(token) * a.heads + head;
  return {first, position, a.cache + a.layout.head_offset(a.layer, a.sequences[token], kv_head), a.scores + row * a.layout.positions,
          row * a.layout.head_dim};
}

QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 2) attention_scores_kernel(AttentionScoresArguments arguments) {
  const AttentionMaterialisedArguments& a = arguments.attention;
  grid_dependency_wait();
  grid_dependency_trigger();
  const Row row = row_of(a, block_z(), block_y());
  const int begin = block_x() * kBlockPositions;
  const int dim = a.layout.head_dim;
  const float scale = 1.0F / sqrtf(static_cast<float>(dim));
  for (int p = begin + warp(); p < begin + kBlockPositions; p += kWarps) {
    if (p < row.first || p > row.last) continue;  // the whole warp
    float sum = 0.0F;
    for (int d = lane(); d < dim; d += 32) {
      sum += a.q[row.numbers + d] * kv_number(a.layout, row.block, row.block + a.layout.k_scales, static_cast<long long>(p) * dim + d);
    }
    sum = warp_sum(sum);
    if (lane() == 0) row.scores[p] = sum * scale;
  }
}

QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 2) attention_softmax_kernel(AttentionSoftmaxArguments arguments) {
  QB_SHARED(float, maxima, kWarps);
  QB_SHARED(float, sums, kWarps);
  const AttentionMaterialisedArguments& a = arguments.attention;
  grid_dependency_wait();
  grid_dependency_trigger();
  const Row row = row_of(a, block_y(), block_x());
  float maximum = -INFINITY;
  for (int p = row.first + thread_x(); p <= row.last; p += kThreads) maximum = fmaxf(maximum, row.scores[p]);
  maximum = warp_max(maximum);
  if (lane() == 0) maxima[warp()] = maximum;
  sync_threads();
  for (int w = 0; w < kWarps; ++w) maximum = fmaxf(maximum, maxima[w]);
  float sum = 0.0F;
  for (int p = row.first + thread_x(); p <= row.last; p += kThreads) {
    const float e = expf(row.scores[p] - maximum);
    row.scores[p] = e;
    sum += e;
  }
  sum = warp_sum(sum);
  if (lane() == 0) sums[warp()] = sum;
  sync_threads();
  float total = 0.0F;
  for (int w = 0; w < kWarps; ++w) total += sums[w];
  for (int p = row.first + thread_x(); p <= row.last; p += kThreads) row.scores[p] /= total;
}

QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 2) attention_values_kernel(AttentionValuesArguments arguments) {
  QB_SHARED(float, partial, kWarps* kMostHeadDim);
  const AttentionMaterialisedArguments& a = arguments.attention;
  grid_dependency_wait();
  grid_dependency_trigger();
  const Row row = row_of(a, block_y(), block_x());
  const int dim = a.layout.head_dim;
  float sum[kLaneNumbers] = {};
  for (int p = row.first + warp(); p <= row.last; p += kWarps) {
    const float weight = row.scores[p];
#pragma unroll
    for (int i = 0; i < kLaneNumbers; ++i) {
      const int d = 32 * i + lane();
      if (d < dim) {
        sum[i] += weight * kv_number(a.layout, row.block + a.layout.v, row.block + a.layout.v_scales, static_cast<long long>(p) * dim + d);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kLaneNumbers; ++i) partial[warp() * kMostHeadDim + 32 * i + lane()] = sum[i];
  sync_threads();
  for (int d = thread_x(); d < dim; d += kThreads) {
    float total = 0.0F;
    for (int w = 0; w < kWarps; ++w) total += partial[w * kMostHeadDim + d];
    a.out[row.numbers + d] = total;
  }
}

}  // namespace

void attention_scores(const AttentionScoresArguments& arguments, Stream& stream) {
  const AttentionMaterialisedArguments& a = arguments.attention;
  const auto blocks = static_cast<unsigned>((a.layout.positions + kBlockPositions - 1) / kBlockPositions);
  launch(LaunchConfig{{blocks, static_cast<unsigned>(a.heads), static_cast<unsigned>(a.tokens)}, kThreads, 0, stream, a.programmatic, "attention_scores"},
         (attention_scores_kernel), arguments);
}

void attention_softmax(const AttentionSoftmaxArguments& arguments, Stream& stream) {
  const AttentionMaterialisedArguments& a = arguments.attention;
  launch(LaunchConfig{{static_cast<unsigned>(a.heads), static_cast<unsigned>(a.tokens), 1}, kThreads, 0, stream, a.programmatic, "attention_softmax"},
         (attention_softmax_kernel), arguments);
}

void attention_values(const AttentionValuesArguments& arguments, Stream& stream) {
  const AttentionMaterialisedArguments& a = arguments.attention;
  launch(LaunchConfig{{static_cast<unsigned>(a.heads), static_cast<unsigned>(a.tokens), 1}, kThreads, 0, stream, a.programmatic, "attention_values"},
         (attention_values_kernel), arguments);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
