#include "kernels/cuda/matvec.h"

#include "kernels/cuda/matvec_rows.cuh"

// y = h w^T with h = x or rmsnorm(x) * norm, one activation row at a time (grid.y = tokens).
//
// Block: 8 warps; it stages h once (matvec_rows.cuh) and walks over tiles of rows. A warp takes two rows at a time, or, where there are few
// rows, 2, 4 or 8 warps share two rows by columns and their sums meet in shared memory. The norm's scale multiplies the finished product,
// so that its sum need not be known before the weights are read. Bytes: every weight once from memory for each token of the grid; x from L2
// for each block. Deterministic: every sum has a fixed order, which depends on the shape and the number of multiprocessors only.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kRows = 2;

QB_DEVICE float silu(float x) { return x / (1.0F + expf(-x)); }

QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 2) matvec_kernel(MatvecArguments a, int parts) {
  QB_DYNAMIC_SHARED(uint4, staged);
  QB_SHARED(float, partial, kMatvecWarps);
  QB_SHARED(float, sums, kMatvecWarps* kRows);
  const int tile_rows = kMatvecWarps / parts * kRows;
  const int in_tile = warp() / parts * kRows;
  {
    const int row = min_int(block_x() * tile_rows + in_tile, a.rows - 1);
    prefetch_row(a.w.data + row * a.w.row_bytes, a.w);
  }
  grid_dependency_wait();
  const int token = block_y();
  const long long x_row = a.x_rows != nullptr ? a.x_rows[token] : token;
  const float scale = stage_normalised(a.x + x_row * a.w.cols, a.norm, a.rms_eps, a.w, staged, partial);
  grid_dependency_trigger();
  const Staged view = staged_view(staged, a.w);
  for (int tile = block_x() * tile_rows; tile < a.rows; tile += grid_x() * tile_rows) {
    const int row = tile + in_tile;
    const unsigned char* rows[kRows];
    for (int r = 0; r < kRows; ++r) rows[r] = a.w.data + min_int(row + r, a.rows - 1) * a.w.row_bytes;
    float sum[kRows];
    multiply_rows(a.w, rows, view, warp() % parts, parts, sum);
    join_parts(sum, parts, sums);
    if (warp() % parts != 0 || lane() >= kRows || row + lane() >= a.rows) continue;
    float* y = a.y + token * a.y_stride + row + lane();
    const float value = scale * (lane() == 0 ? sum[0] : sum[1]);
    *y = a.accumulate ? *y + value : value;
  }
}

/// As above with a row of gate and the same row of up in place of two neighbouring rows.
QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 2) gate_up_kernel(GateUpArguments a, int parts) {
  QB_DYNAMIC_SHARED(uint4, staged);
  QB_SHARED(float, partial, kMatvecWarps);
  QB_SHARED(float, sums, kMatvecWarps* kRows);
  const int tile_rows = kMatvecWarps / parts;
  const int in_tile = warp() / parts;
  {
    const int row = min_int(block_x() * tile_rows + in_tile, a.rows - 1);
    prefetch_row(a.gate.data + row * a.gate.row_bytes, a.gate);
    prefetch_row(a.up.data + row * a.up.row_bytes, a.up);
  }
  grid_dependency_wait();
  const long long token = block_y();
  const float scale = stage_normalised(a.x + token * a.gate.cols, a.norm, a.rms_eps, a.gate, staged, partial);
  grid_dependency_trigger();
  const Staged view = staged_view(staged, a.gate);
  for (int tile = block_x() * tile_rows; tile < a.rows; tile += grid_x() * tile_rows) {
    const int row = tile + in_tile;
    const long long at = min_int(row, a.rows - 1) * a.gate.row_bytes;
    const unsigned char* const rows[kRows] = {a.gate.data + at, a.up.data + at};
    float sum[kRows];
    multiply_rows(a.gate, rows, view, warp() % parts, parts, sum);
    join_parts(sum, parts, sums);
    if (warp() % parts != 0 || lane() != 0 || row >= a.rows) continue;
    a.out[token * a.rows + row] = silu(scale * sum[0]) * (scale * sum[1]);
  }
}

QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 1) silu_mul_kernel(SiluMulArguments a) {
  grid_dependency_wait();
  grid_dependency_trigger();
  const long long token = block_y();
  const int row = block_x() * kMatvecThreads + thread_x();
  if (row >= a.rows) return;
  const float* both = a.both + token * 2 * a.rows;
  a.out[token * a.rows + row] = silu(both[row]) * both[a.rows + row];
}

template <DType kType>
QB_DEVICE void embed_units(const WeightRows& m, const unsigned char* row, float* x) {
  using F = Format<kType>;
  const int units = unit_count(m);
  const float of_row = row_scale<kType>(row, m);
  for (int u = thread_x(); u < units; u += threads()) {
    const typename F::Raw raw = F::load(row, m, u);
    if constexpr (is_fp8(kType)) {
      float4 w[4];
      F::unpack(raw.q, w);
      const float scale = of_row * F::scale(raw);
      for (int i = 0; i < 4; ++i) {
        reinterpret_cast<float4*>(x + 16 * u)[i] = float4{scale * w[i].x, scale * w[i].y, scale * w[i].z, scale * w[i].w};
      }
    } else if constexpr (reads_int8(kType)) {
      Codes c;
      F::decode(raw, u, c);
      for (int i = 0; i < 32; ++i) {
        const int code = static_cast<signed char>((static_cast<unsigned>(c.v[i / 4]) >> (8 * (i % 4))) & 255U);
        x[32 * u + i] = of_row * ((i < 16 ? c.low : c.high) * static_cast<float>(code) + c.bias);
      }
    } else {
      float w[8];
      F::unpack(raw, w);
      for (int i = 0; i < 8; ++i) {
        if (8 * u + i < m.cols) x[8 * u + i] = w[i];
      }
    }
  }
}

QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 1) embed_kernel(EmbedArguments a) {
  grid_dependency_wait();
  grid_dependency_trigger();
  const int token = block_x();
  const WeightRows& m = a.table;
  const unsigned char* row = m.data + a.ids[token] * m.row_bytes;
  float* x = a.x + static_cast<long long>(token) * m.cols;
  switch (m.dtype) {
    case DType::kF32:
      return embed_units<DType::kF32>(m, row, x);
    case DType::kF16:
      return embed_units<DType::kF16>(m, row, x);
    case DType::kBF16:
      return embed_units<DType::kBF16>(m, row, x);
    case DType::kQ4_0:
      return embed_units<DType::kQ4_0>(m, row, x);
    case DType::kQ4_1:
      return embed_units<DType::kQ4_1>(m, row, x);
    case DType::kQ5_0:
      return embed_units<DType::kQ5_0>(m, row, x);
    case DType::kQ5_1:
      return embed_units<DType::kQ5_1>(m, row, x);
    case DType::kQ8_0:
      return embed_units<DType::kQ8_0>(m, row, x);
    case DType::kQ4_K:
      return embed_units<DType::kQ4_K>(m, row, x);
    case DType::kQ5_K:
      return embed_units<DType::kQ5_K>(m, row, x);
    case DType::kQ6_K:
      return embed_units<DType::kQ6_K>(m, row, x);
    case DType::kIQ4_NL:
      return embed_units<DType::kIQ4_NL>(m, row, x);
    case DType::kInt8:
      return embed_units<DType::kInt8>(m, row, x);
    case DType::kFP8:
      return embed_units<DType::kFP8>(m, row, x);
    case DType::kFP8Block:
      return embed_units<DType::kFP8Block>(m, row, x);
    case DType::kInt4:
      return embed_units<DType::kInt4>(m, row, x);
    default:
      return;
  }
}

}  // namespace

void matvec(const MatvecArguments& a, int sm_count, Stream& stream) {
  const MatvecGrid grid = matvec_grid(a.rows, kRows, unit_count_host(a.w), a.tokens, sm_count);
  launch(LaunchConfig{{grid.blocks, static_cast<unsigned>(a.tokens), 1},
                      kMatvecThreads,
                      static_cast<std::size_t>(staged_bytes(a.w)),
                      stream,
                      a.programmatic,
                      "matvec"},
         (matvec_kernel), a, grid.parts);
}

void gate_up(const GateUpArguments& a, int sm_count, Stream& stream) {
  const MatvecGrid grid = matvec_grid(a.rows, 1, unit_count_host(a.gate), a.tokens, sm_count);
  launch(LaunchConfig{{grid.blocks, static_cast<unsigned>(a.tokens), 1},
                      kMatvecThreads,
                      static_cast<std::size_t>(staged_bytes(a.gate)),
                      stream,
                      a.programmatic,
                      "gate_up"},
         (gate_up_kernel), a, grid.parts);
}

void silu_mul(const SiluMulArguments& a, Stream& stream) {
  const auto blocks = static_cast<unsigned>((a.rows + kMatvecThreads - 1) / kMatvecThreads);
  launch(LaunchConfig{{blocks, static_cast<unsigned>(a.tokens), 1}, kMatvecThreads, 0, stream, a.programmatic, "silu_mul"},
         (silu_mul_kernel), a);
}

void embed(const EmbedArguments& a, Stream& stream) {
  launch(LaunchConfig{{static_cast<unsigned>(a.tokens), 1, 1}, kMatvecThreads, 0, stream, a.programmatic, "embed"}, (embed_kernel), a);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
