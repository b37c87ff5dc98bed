// Bodies of the attention and cache kernels, written on Vec: each instruction set's translation unit includes its simd_*.h, then this.
#pragma once

#include "kernels/cpu/attention.h"
#include "kernels/cpu/attention_few_rows.h"
#include "kernels/cpu/kv_tiles.h"
#include "kernels/cpu/simd_math.h"
#include "kernels/cpu/small_matmul.h"

namespace qbench::kernels::cpu {
namespace {

constexpr float kLowest = -3.402823466e38F;

/// Where a task's scratch lies. R = count * group rows, D = padded_dim.
struct AttentionScratch {
  float* q;        // (R, head_dim), scaled
  float* scores;   // (R, kAttentionBlock)
  float* sum;      // (R, D)
  float* maximum;  // (R)
  float* weight;   // (R): sum of exponentials
  float* k;        // (kAttentionBlock / 16) tiles of (head_dim, 16)
  float* v;        // (kAttentionBlock, D)
};

QB_INLINE std::int64_t align16(std::int64_t n) { return (n + 15) / 16 * 16; }

AttentionScratch lay_out(const KvLayout& layout, std::int64_t rows, float* scratch) {
  AttentionScratch s;
  s.k = scratch;
  s.v = s.k + kAttentionBlock * layout.padded_dim;
  s.scores = s.v + kAttentionBlock * layout.padded_dim;
  s.sum = s.scores + rows * kAttentionBlock;
  s.q = s.sum + rows * layout.padded_dim;
  s.maximum = s.q + rows * layout.padded_dim;
  s.weight = s.maximum + align16(rows);
  return s;
}

void load_queries(const AttentionTask& task, const AttentionScratch& s) {
  const std::int64_t dim = task.layout->head_dim;
  for (std::int64_t i = 0; i < task.count; ++i) {
    const float* from = task.q + task.tokens[i] * task.q_stride;
    for (std::int64_t g = 0; g < task.group; ++g) {
      float* to = s.q + (i * task.group + g) * dim;
      for (std::int64_t d = 0; d < dim; ++d) to[d] = from[g * dim + d] * task.scale;
    }
  }
}

void clear(const AttentionTask& task, const AttentionScratch& s) {
  const std::int64_t rows = task.count * task.group;
  for (std::int64_t i = 0; i < rows * task.layout->padded_dim; ++i) s.sum[i] = 0.0F;
  for (std::int64_t r = 0; r < rows; ++r) {
    s.maximum[r] = kLowest;
    s.weight[r] = 0.0F;
  }
}

/// Turns the scores of the visible columns [from, to) of one row into weights exp(score - maximum), those of the others into 0 (all of them
/// where from >= to), and brings the row's running maximum and sums to the new maximum.
QB_INLINE void softmax_row(const AttentionScratch& s, std::int64_t row, std::int64_t from, std::int64_t to, std::int64_t dim) {
  float* scores = s.scores + row * kAttentionBlock;
  if (from >= to) {
    for (std::int64_t i = 0; i < kAttentionBlock; i += kWidth) vstore(scores + i, vzero());
    return;
  }
  for (std::int64_t i = 0; i < from; ++i) scores[i] = kLowest;
  for (std::int64_t i = to; i < kAttentionBlock; ++i) scores[i] = kLowest;
  Vec best = vload(scores);
  for (std::int64_t i = kWidth; i < kAttentionBlock; i += kWidth) best = vmax(best, vload(scores + i));
  const float old_maximum = s.maximum[row];
  const float block_maximum = vmax_of(best);
  const float maximum = old_maximum > block_maximum ? old_maximum : block_maximum;
  const Vec m = vset(maximum);
  Vec total = vzero();
  for (std::int64_t i = 0; i < kAttentionBlock; i += kWidth) {
    const Vec e = vexp(vsub(vload(scores + i), m));
    vstore(scores + i, e);
    total = vadd(total, e);
  }
  for (std::int64_t i = 0; i < from; ++i) scores[i] = 0.0F;  // a row of NaN would otherwise weigh what it must not see
  for (std::int64_t i = to; i < kAttentionBlock; ++i) scores[i] = 0.0F;
  if (maximum > old_maximum) {
    float first[kWidth];
    vstore(first, vexp(vset(old_maximum - maximum)));
    const Vec shrink = vset(first[0]);
    s.weight[row] *= first[0];
    float* sum = s.sum + row * dim;
    for (std::int64_t d = 0; d < dim; d += kWidth) vstore(sum + d, vmul(vload(sum + d), shrink));
    s.maximum[row] = maximum;
  }
  s.weight[row] += vsum(total);
}

/// First and one past the last slot of the segment that a query at `position` sees.
QB_INLINE std::int64_t visible_begin(const AttentionSegment& segment, std::int64_t position) {
  const std::int64_t from = segment.window > 0 && position - segment.window + 1 > 0 ? position - segment.window + 1 : 0;
  return (from > segment.begin ? from : segment.begin) - segment.shift;
}
QB_INLINE std::int64_t visible_end(const AttentionSegment& segment, std::int64_t position) {
  return (position + 1 < segment.end ? position + 1 : segment.end) - segment.shift;
}

/// Up to this many rows, tiles are read directly; beyond, a block is converted once and used for all rows.
constexpr std::int64_t kFewRows = 8;

void softmax_block(const AttentionTask& task, const AttentionSegment& segment, const AttentionScratch& s, std::int64_t block) {
  for (std::int64_t i = 0; i < task.count; ++i) {
    const std::int64_t position = task.positions[task.tokens[i]];
    const std::int64_t from = visible_begin(segment, position) - block;
    const std::int64_t to = visible_end(segment, position) - block;
    for (std::int64_t g = 0; g < task.group; ++g) {
      softmax_row(s, i * task.group + g, from < 0 ? 0 : from, to < kAttentionBlock ? to : kAttentionBlock, task.layout->padded_dim);
    }
  }
}

/// One block of slots, of which [first, last) are visible to some row.
void attend_block(const AttentionTask& task, const AttentionSegment& segment, const AttentionScratch& s, std::int64_t block, std::int64_t first, std::int64_t last) {
  const KvLayout& layout = *task.layout;
  const std::int64_t rows = task.count * task.group;
  const std::int64_t tiles = (last - block + kKvTile - 1) / kKvTile;
  const float* k = k_tiles_as_f32(layout, task.cache, block / kKvTile, tiles, s.k);
  small_matmul({s.q, layout.head_dim, layout.head_dim, k, layout.head_dim * kKvTile, kKvTile, s.scores, kAttentionBlock, false}, rows,
               tiles);
  softmax_block(task, segment, s, block);
  const float* v = v_rows_as_f32(layout, task.cache, first, last, s.v);
  small_matmul({s.scores + (first - block), kAttentionBlock, last - first, v, 16, layout.padded_dim, s.sum, layout.padded_dim, true}, rows,
               layout.padded_dim / 16);
}

/// The same for a few rows.
template <class Cache>
void attend_block_few(const AttentionTask& task, const AttentionSegment& segment, const AttentionScratch& s, std::int64_t block, std::int64_t first, std::int64_t last) {
  const KvLayout& layout = *task.layout;
  const FewRows f = {&layout,
                     s.q,
                     layout.k_tile(task.cache, block / kKvTile),
                     layout.v_tile(task.cache, 0),
                     first,
                     last,
                     s.scores,
                     s.scores + (first - block),
                     s.sum};
  const std::int64_t rows = task.count * task.group;
  few_rows<Cache>(f, Product::kScores, (last - block + kKvTile - 1) / kKvTile, rows);
  softmax_block(task, segment, s, block);
  few_rows<Cache>(f, Product::kValues, 0, rows);
}

using AttendBlock = void (*)(const AttentionTask& task, const AttentionSegment& segment, const AttentionScratch& s, std::int64_t block,
                             std::int64_t first, std::int64_t last);

AttendBlock choose_attend_block(const AttentionTask& task) {
  if (task.count * task.group > kFewRows) return attend_block;
  if (task.layout->dtype == tensor::DType::kBF16) return attend_block_few<Bf16Tiles>;
  if (task.layout->dtype == tensor::DType::kF16) return attend_block_few<F16Tiles>;
  if (task.layout->dtype == tensor::DType::kQ8_0) return attend_block_few<Q8Tiles>;
  if (task.layout->dtype == tensor::DType::kFP8) return attend_block_few<F8Tiles>;
  return attend_block;
}

void store_results(const AttentionTask& task, const AttentionScratch& s) {
  const std::int64_t dim = task.layout->head_dim;
  const std::int64_t padded = task.layout->padded_dim;
  for (std::int64_t i = 0; i < task.count; ++i) {
    for (std::int64_t g = 0; g < task.group; ++g) {
      const std::int64_t row = i * task.group + g;
      const float* sum = s.sum + row * padded;
      if (task.partial != nullptr) {
        float* to = task.partial + row * (padded + 2);
        for (std::int64_t d = 0; d < padded; ++d) to[d] = sum[d];
        to[padded] = s.maximum[row];
        to[padded + 1] = s.weight[row];
      } else {
        float* to = task.out + task.tokens[i] * task.q_stride + g * dim;
        const float inverse = 1.0F / s.weight[row];
        for (std::int64_t d = 0; d < dim; ++d) to[d] = sum[d] * inverse;
      }
    }
  }
}

void attend_segment(const AttentionTask& task, const AttentionSegment& segment, const AttentionScratch& s, AttendBlock attend) {
  std::int64_t begin = segment.end - segment.shift;
  std::int64_t end = segment.begin - segment.shift;
  for (std::int64_t i = 0; i < task.count; ++i) {
    const std::int64_t position = task.positions[task.tokens[i]];
    const std::int64_t from = visible_begin(segment, position);
    const std::int64_t to = visible_end(segment, position);
    begin = from < begin ? from : begin;
    end = to > end ? to : end;
  }
  for (std::int64_t block = begin / kAttentionBlock * kAttentionBlock; block < end; block += kAttentionBlock) {
    const std::int64_t block_end = block + kAttentionBlock;
    attend(task, segment, s, block, begin > block ? begin : block, end < block_end ? end : block_end);
  }
}

void run_attention(const AttentionTask& task, float* scratch) {
  const AttentionScratch s = lay_out(*task.layout, task.count * task.group, scratch);
  load_queries(task, s);
  clear(task, s);
  const AttendBlock attend = choose_attend_block(task);
  for (std::int64_t i = 0; i < task.segment_count; ++i) attend_segment(task, task.segments[i], s, attend);
  store_results(task, s);
}

void combine_partials(const float* partials, std::int64_t parts, std::int64_t stride, std::int64_t head_dim, std::int64_t padded_dim,
                      float* out) {
  float maximum = kLowest;
  for (std::int64_t i = 0; i < parts; ++i) {
    const float m = partials[i * stride + padded_dim];
    maximum = m > maximum ? m : maximum;
  }
  float weight = 0.0F;
  for (std::int64_t d = 0; d < head_dim; ++d) out[d] = 0.0F;
  for (std::int64_t i = 0; i < parts; ++i) {
    const float* part = partials + i * stride;
    float factor[kWidth];
    vstore(factor, vexp(vset(part[padded_dim] - maximum)));
    weight += part[padded_dim + 1] * factor[0];
    for (std::int64_t d = 0; d < head_dim; ++d) out[d] += part[d] * factor[0];
  }
  const float inverse = 1.0F / weight;
  for (std::int64_t d = 0; d < head_dim; ++d) out[d] *= inverse;
}

}  // namespace
}  // namespace qbench::kernels::cpu

#include "kernels/cpu/attention_materialised.h"

namespace qbench::kernels::cpu {
namespace {

constexpr AttentionKernels kAttention = {run_attention, materialised_scores, materialised_softmax, materialised_values, combine_partials};

}  // namespace
}  // namespace qbench::kernels::cpu
