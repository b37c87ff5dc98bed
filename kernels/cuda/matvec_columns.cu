#include "kernels/cuda/matvec_columns.h"

#include "kernels/cuda/matvec_rows.cuh"

// y = h w^T for 2 to 15 tokens: matvec.cu with several activation rows staged side by side, so that a weight, once in registers, serves all
// of them.
//
// Grid: (tiles of rows, groups of kColumns tokens). Block and warps as in matvec.cu, two rows of weights for each warp at a time. The last
// group's missing tokens repeat its last one and are not written. Shared memory: kColumns staged rows. Bytes: every weight once for each
// group of tokens. Deterministic, and a token's result does not depend on the others.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kRows = 2;

/// sum[r][c] += row[r] * column c over the warp's units.
template <DType kType, int kColumns>
QB_DEVICE void dot_columns(const WeightRows& m, const unsigned char* const (&row)[kRows], const uint4* staged, int stride, int first,
                           int step, float (&sum)[kRows][kColumns]) {
  using F = Format<kType>;
  constexpr int kAhead = 2;
  const int units = unit_count(m);
  const Staged x = staged_view(staged, m);
  for (int base = first; base < units; base += kAhead * step) {
    typename F::Raw raw[kAhead][kRows];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const int u = base + i * step < units ? base + i * step : first;  // loads something that is there; not used below
#pragma unroll
      for (int r = 0; r < kRows; ++r) raw[i][r] = F::load(row[r], m, u);
    }
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const bool there = base + i * step < units;  // selected, not branched around: see dot_rows
      const int u = there ? base + i * step : first;
      if constexpr (is_fp8(kType)) {
        float4 w[kRows][4];
#pragma unroll
        for (int r = 0; r < kRows; ++r) F::unpack(raw[i][r].q, w[r]);
#pragma unroll
        for (int c = 0; c < kColumns; ++c) {
#pragma unroll
          for (int r = 0; r < kRows; ++r) {
            const float more = F::scale(raw[i][r]) * dot_sixteen(w[r], x.low + u + c * stride, units);
            sum[r][c] += there ? more : 0.0F;
          }
        }
      } else if constexpr (reads_int8(kType)) {
        Codes codes[kRows];
#pragma unroll
        for (int r = 0; r < kRows; ++r) F::decode(raw[i][r], u, codes[r]);
#pragma unroll
        for (int c = 0; c < kColumns; ++c) {
          const uint4 low = x.low[u + c * stride];
          const uint4 high = x.high[u + c * stride];
          const float scale = x.scale[u + 4 * c * stride];
          const float bias = x.sum[u + 4 * c * stride];
#pragma unroll
          for (int r = 0; r < kRows; ++r) {
            const float scaled = codes[r].low * static_cast<float>(dot_bytes(codes[r].v, low)) +
                                 codes[r].high * static_cast<float>(dot_bytes(codes[r].v + 4, high));
            const float more = scaled * scale + codes[r].bias * bias;
            sum[r][c] += there ? more : 0.0F;
          }
        }
      } else {
        float w[kRows][8];
#pragma unroll
        for (int r = 0; r < kRows; ++r) F::unpack(raw[i][r], w[r]);
#pragma unroll
        for (int c = 0; c < kColumns; ++c) {
          const float4 low = as_floats(x.low[u + c * stride]);
          const float4 high = as_floats(x.high[u + c * stride]);
#pragma unroll
          for (int r = 0; r < kRows; ++r) {
            const float more = dot_floats(w[r], low, high);
            sum[r][c] += there ? more : 0.0F;
          }
        }
      }
    }
  }
  if constexpr (has_row_scale(kType)) {
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const float scale = row_scale<kType>(row[r], m);
#pragma unroll
      for (int c = 0; c < kColumns; ++c) sum[r][c] *= scale;
    }
  }
}

template <int kColumns>
QB_DEVICE void multiply_columns(const WeightRows& m, const unsigned char* const (&row)[kRows], const uint4* staged, int stride, int part,
                                int parts, float (&sum)[kRows][kColumns]) {
  const int first = 32 * part + lane();
  const int step = 32 * parts;
  switch (m.dtype) {
    case DType::kF32:
      return dot_columns<DType::kF32>(m, row, staged, stride, first, step, sum);
    case DType::kF16:
      return dot_columns<DType::kF16>(m, row, staged, stride, first, step, sum);
    case DType::kBF16:
      return dot_columns<DType::kBF16>(m, row, staged, stride, first, step, sum);
    case DType::kQ4_0:
      return dot_columns<DType::kQ4_0>(m, row, staged, stride, first, step, sum);
    case DType::kQ4_1:
      return dot_columns<DType::kQ4_1>(m, row, staged, stride, first, step, sum);
    case DType::kQ5_0:
      return dot_columns<DType::kQ5_0>(m, row, staged, stride, first, step, sum);
    case DType::kQ5_1:
      return dot_columns<DType::kQ5_1>(m, row, staged, stride, first, step, sum);
    case DType::kQ8_0:
      return dot_columns<DType::kQ8_0>(m, row, staged, stride, first, step, sum);
    case DType::kQ4_K:
      return dot_columns<DType::kQ4_K>(m, row, staged, stride, first, step, sum);
    case DType::kQ5_K:
      return dot_columns<DType::kQ5_K>(m, row, staged, stride, first, step, sum);
    case DType::kQ6_K:
      return dot_columns<DType::kQ6_K>(m, row, staged, stride, first, step, sum);
    case DType::kIQ4_NL:
      return dot_columns<DType::kIQ4_NL>(m, row, staged, stride, first, step, sum);
    case DType::kInt8:
      return dot_columns<DType::kInt8>(m, row, staged, stride, first, step, sum);
    case DType::kFP8:
      return dot_columns<DType::kFP8>(m, row, staged, stride, first, step, sum);
    case DType::kFP8Block:
      return dot_columns<DType::kFP8Block>(m, row, staged, stride, first, step, sum);
    case DType::kInt4:
      return dot_columns<DType::kInt4>(m, row, staged, stride, first, step, sum);
    default:
      return;  // the backend loads no other type
  }
}

template <int kColumns>
QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 1) matvec_columns_kernel(MatvecArguments a, int parts, int stride) {
  QB_DYNAMIC_SHARED(uint4, staged);
  QB_SHARED(float, partial, kMatvecWarps* kColumns);
  QB_SHARED(float, scales, kColumns);
  QB_SHARED(float, sums, kMatvecWarps* kRows* kColumns);
  const int tile_rows = kMatvecWarps / parts * kRows;
  for (int r = 0; r < kRows; ++r) {
    const int row = block_x() * tile_rows + warp() / parts * kRows + r;
    prefetch_row(a.w.data + min_int(row, a.rows - 1) * a.w.row_bytes, a.w);
  }
  grid_dependency_wait();
  grid_dependency_trigger();
  const int first_token = block_y() * kColumns;
  for (int c = 0; c < kColumns; ++c) {
    const int token = min_int(first_token + c, a.tokens - 1);
    const long long x_row = a.x_rows != nullptr ? a.x_rows[token] : token;
    const float scale = stage_normalised(a.x + x_row * a.w.cols, a.norm, a.rms_eps, a.w, staged + c * stride, partial + c * kMatvecWarps);
    if (thread_x() == 0) scales[c] = scale;
  }
  for (int tile = block_x() * tile_rows; tile < a.rows; tile += grid_x() * tile_rows) {
    const int row = tile + warp() / parts * kRows;
    const unsigned char* rows[kRows];
    for (int r = 0; r < kRows; ++r) rows[r] = a.w.data + min_int(row + r, a.rows - 1) * a.w.row_bytes;
    float sum[kRows][kColumns] = {};
    multiply_columns<kColumns>(a.w, rows, staged, stride, warp() % parts, parts, sum);
    sync_threads();  // the sums of the tile before have been read
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
#pragma unroll
      for (int c = 0; c < kColumns; ++c) {
        const float total = warp_sum(sum[r][c]);
        if (lane() == 0) sums[(warp() * kRows + r) * kColumns + c] = total;
      }
    }
    sync_threads();
    // One thread for each number of the tile: row i / kColumns, token i % kColumns.
    for (int i = thread_x(); i < tile_rows * kColumns; i += kMatvecThreads) {
      const int r = i / kColumns;
      const int c = i % kColumns;
      if (tile + r >= a.rows || first_token + c >= a.tokens) continue;
      float total = 0.0F;
      for (int p = 0; p < parts; ++p) total += sums[((r / kRows * parts + p) * kRows + r % kRows) * kColumns + c];
      total *= scales[c];
      float* y = a.y + (first_token + c) * a.y_stride + tile + r;
      *y = a.accumulate ? *y + total : total;
    }
  }
}

template <int kColumns>
void start(const MatvecArguments& a, int sm_count, Stream& stream) {
  const int groups = (a.tokens + kColumns - 1) / kColumns;
  const MatvecGrid grid = matvec_grid(a.rows, kRows, unit_count_host(a.w), groups, sm_count);
  const auto stride = static_cast<int>(staged_bytes(a.w) / 16);
  launch(LaunchConfig{{grid.blocks, static_cast<unsigned>(groups), 1},
                      kMatvecThreads,
                      static_cast<std::size_t>(kColumns * staged_bytes(a.w)),
                      stream,
                      a.programmatic,
                      "matvec_columns"},
         (matvec_columns_kernel<kColumns>), a, grid.parts, stride);
}

}  // namespace

void matvec_columns(const MatvecColumnsArguments& a, int sm_count, Stream& stream) {
  if (a.columns == 8) return start<8>(a.matvec, sm_count, stream);
  start<4>(a.matvec, sm_count, stream);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
