// Attention with all scores in memory, in three passes; included by attention_impl.h, whose helpers it uses. The path that tiling replaces: kept
// to measure what tiling is worth, and checked like it. Tasks of one segment without a shift.
#pragma once

namespace qbench::kernels::cpu {
namespace {

/// Position of the first column of a task's scores.
QB_INLINE std::int64_t first_column(const AttentionTask& task) { return task.segments[0].begin / kAttentionBlock * kAttentionBlock; }

/// scores (rows, stride) = q k^T scale for the task's positions, from first_column on.
void materialised_scores(const AttentionTask& task, float* scratch, float* scores, std::int64_t stride) {
  const KvLayout& layout = *task.layout;
  const std::int64_t rows = task.count * task.group;
  const AttentionScratch s = lay_out(layout, rows, scratch);
  load_queries(task, s);
  const std::int64_t first = first_column(task);
  for (std::int64_t block = first; block < task.segments[0].end; block += kAttentionBlock) {
    const std::int64_t last = block + kAttentionBlock < task.segments[0].end ? block + kAttentionBlock : task.segments[0].end;
    const std::int64_t tiles = (last - block + kKvTile - 1) / kKvTile;
    const float* k = k_tiles_as_f32(layout, task.cache, block / kKvTile, tiles, s.k);
    small_matmul({s.q, layout.head_dim, layout.head_dim, k, layout.head_dim * kKvTile, kKvTile, scores + (block - first), stride, false},
                 rows, tiles);
  }
}

/// exp(x - shift) in place; the sum.
QB_INLINE float exp_row(float* x, std::int64_t n, float shift) {
  const Vec m = vset(shift);
  Vec total = vzero();
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const Vec e = vexp(vsub(vload(x + i), m));
    vstore(x + i, e);
    total = vadd(total, e);
  }
  float rest[kWidth];
  for (int j = 0; j < kWidth; ++j) rest[j] = i + j < n ? x[i + j] : kLowest;
  const Vec e = vexp(vsub(vload(rest), m));
  vstore(rest, e);
  for (int j = 0; i + j < n; ++j) x[i + j] = rest[j];
  float sum = vsum(total);
  for (int j = 0; i + j < n; ++j) sum += rest[j];
  return sum;
}

/// Scores of each row become its weights; columns that it does not see become 0.
void materialised_softmax(const AttentionTask& task, float* scores, std::int64_t stride) {
  const std::int64_t first = first_column(task);
  const std::int64_t columns = (task.segments[0].end - first + kAttentionBlock - 1) / kAttentionBlock * kAttentionBlock;
  for (std::int64_t i = 0; i < task.count; ++i) {
    const std::int64_t position = task.positions[task.tokens[i]];
    const std::int64_t from = visible_begin(task.segments[0], position) - first;
    const std::int64_t to = visible_end(task.segments[0], position) - first;
    for (std::int64_t g = 0; g < task.group; ++g) {
      float* row = scores + (i * task.group + g) * stride;
      for (std::int64_t c = 0; c < from; ++c) row[c] = 0.0F;
      for (std::int64_t c = to; c < columns; ++c) row[c] = 0.0F;
      float maximum = kLowest;
      for (std::int64_t c = from; c < to; ++c) maximum = row[c] > maximum ? row[c] : maximum;
      const Vec inverse = vset(1.0F / exp_row(row + from, to - from, maximum));
      for (std::int64_t c = 0; c < columns; c += kWidth) vstore(row + c, vmul(vload(row + c), inverse));
    }
  }
}

/// out = weights v.
void materialised_values(const AttentionTask& task, float* scratch, const float* scores, std::int64_t stride) {
  const KvLayout& layout = *task.layout;
  const std::int64_t rows = task.count * task.group;
  const AttentionScratch s = lay_out(layout, rows, scratch);
  clear(task, s);
  const std::int64_t first = first_column(task);
  for (std::int64_t block = first; block < task.segments[0].end; block += kAttentionBlock) {
    const std::int64_t from = block > task.segments[0].begin ? block : task.segments[0].begin;
    const std::int64_t to = block + kAttentionBlock < task.segments[0].end ? block + kAttentionBlock : task.segments[0].end;
    const float* v = v_rows_as_f32(layout, task.cache, from, to, s.v);
    small_matmul({scores + (from - first), stride, to - from, v, 16, layout.padded_dim, s.sum, layout.padded_dim, true}, rows,
                 layout.padded_dim / 16);
  }
  for (std::int64_t r = 0; r < rows; ++r) s.weight[r] = 1.0F;  // the weights are normalised already
  store_results(task, s);
}

}  // namespace
}  // namespace qbench::kernels::cpu
