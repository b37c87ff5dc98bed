#include "kernels/cuda/matmul.h"

#include "kernels/cuda/matvec_rows.cuh"

// Products of many tokens on tensor cores (mma m16n8k16, bf16 in, float32 out).
//
// Grid: (tiles of 128 weight rows, tiles of 128 tokens, or of one expert's rows). Block: 8 warps, each 32 tokens x 64 rows; A = tokens, B =
// weights, both with their columns contiguous, so both come by plain ldmatrix. Columns pass in tiles of 64 through two buffers: while one
// is multiplied, the next is on its way (cp.async; quantised weights are decoded by one thread for each block of 32 numbers). Shared
// memory: 2 x (128 + 128) rows of 72 numbers (8 of padding: ldmatrix reads all banks), 72 KB. Bytes: weights once for each tile of tokens,
// activations once for each tile of rows, mostly from L2. Deterministic.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kThreads = 256;
constexpr int kTokens = kMatmulTokens;
constexpr int kWeightRows = 128;
constexpr int kCols = 64;
constexpr int kStride = kCols + 8;
constexpr int kBuffer = (kTokens + kWeightRows) * kStride;  // numbers
constexpr int kSharedBytes = 2 * kBuffer * 2;

QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 1) prepare_rows_kernel(PrepareRowsArguments a) {
  QB_SHARED(float, partial, kMatvecWarps);
  grid_dependency_wait();
  grid_dependency_trigger();
  const int token = block_x();
  const float* x = a.x + static_cast<long long>(a.x_rows != nullptr ? a.x_rows[token] : token) * a.cols;
  const int padded = static_cast<int>(prepared_cols(a.cols));
  float scale = 1.0F;
  if (a.norm != nullptr) {
    float squares = 0.0F;
    for (int e = 4 * thread_x(); e < a.cols; e += 4 * kThreads) squares += square_sum(load_numbers(x, e, a.cols));
    scale = block_rms_scale(squares, partial, a.cols, a.rms_eps);
  }
  auto* h = reinterpret_cast<uint2*>(a.h + static_cast<long long>(token) * padded);
  for (int e = 4 * thread_x(); e < padded; e += 4 * kThreads) {
    const float4 v = normalised(load_numbers(x, e, a.cols), e < a.cols ? a.norm : nullptr, e, a.cols);
    h[e / 4] = uint2{pack2_bf16(scale * v.x, scale * v.y), pack2_bf16(scale * v.z, scale * v.w)};
  }
}

/// Rows of 64 numbers from unit `first_unit` on, zero beyond `count` rows and `units` units of 8. Row r is at from + index[r] * row_bytes,
/// or r.
QB_DEVICE void copy_tile(const unsigned char* from, const std::int32_t* index, long long row_bytes, int count, int first_unit, int units,
                         unsigned short* to) {
#pragma unroll 1  // four rounds of addresses at once would spill
  for (int i = thread_x(); i < 128 * (kCols / 8); i += kThreads) {
    const int row = i / (kCols / 8);
    const int unit = i % (kCols / 8);
    unsigned short* at = to + row * kStride + 8 * unit;
    if (row < count && first_unit + unit < units) {
      cp_async16(at, from + (index != nullptr ? index[row] : row) * row_bytes + 16LL * (first_unit + unit));
    } else {
      *reinterpret_cast<uint4*>(at) = uint4{0, 0, 0, 0};
    }
  }
}

QB_DEVICE unsigned decoded_pair(const Codes& c, int i) {
  const unsigned word = static_cast<unsigned>(c.v[i / 4]) >> (8 * (i % 4));
  const float scale = i < 16 ? c.low : c.high;
  return pack2_bf16(scale * static_cast<float>(static_cast<signed char>(word & 255U)) + c.bias,
                    scale * static_cast<float>(static_cast<signed char>((word >> 8) & 255U)) + c.bias);
}

template <DType kType>
QB_DEVICE void decode_unit(const WeightRows& m, const unsigned char* row, int unit, unsigned short* to) {
  Codes c;
  Format<kType>::decode(Format<kType>::load(row, m, unit), unit, c);
#pragma unroll
  for (int i = 0; i < 32; i += 8)
    *reinterpret_cast<uint4*>(to + i) = uint4{decoded_pair(c, i), decoded_pair(c, i + 2), decoded_pair(c, i + 4), decoded_pair(c, i + 6)};
}

/// One thread for each row and block of 32 numbers of the tile.
QB_DEVICE void decode_tile(const WeightRows& m, int first_row, int rows, int first_unit, unsigned short* to) {
  const int row = thread_x() / 2;
  const int unit = first_unit + thread_x() % 2;
  unsigned short* at = to + row * kStride + 32 * (thread_x() % 2);
  if (first_row + row >= rows || unit >= m.cols / 32) {
    for (int i = 0; i < 32; i += 8) *reinterpret_cast<uint4*>(at + i) = uint4{0, 0, 0, 0};
    return;
  }
  const unsigned char* from = m.data + (first_row + row) * m.row_bytes;
  switch (m.dtype) {
    case DType::kQ4_0:
      return decode_unit<DType::kQ4_0>(m, from, unit, at);
    case DType::kQ4_1:
      return decode_unit<DType::kQ4_1>(m, from, unit, at);
    case DType::kQ5_0:
      return decode_unit<DType::kQ5_0>(m, from, unit, at);
    case DType::kQ5_1:
      return decode_unit<DType::kQ5_1>(m, from, unit, at);
    case DType::kQ8_0:
      return decode_unit<DType::kQ8_0>(m, from, unit, at);
    case DType::kQ4_K:
      return decode_unit<DType::kQ4_K>(m, from, unit, at);
    case DType::kQ5_K:
      return decode_unit<DType::kQ5_K>(m, from, unit, at);
    case DType::kQ6_K:
      return decode_unit<DType::kQ6_K>(m, from, unit, at);
    default:
      return decode_unit<DType::kIQ4_NL>(m, from, unit, at);
  }
}

/// The warp's 32 x 64 part of one column tile.
QB_DEVICE void multiply_tile(const unsigned short* tokens, const unsigned short* weights, float (&sum)[2][8][4]) {
  const int matrix = lane() / 8;
  const unsigned short* a_from = tokens + (warp() / 2 * 32 + lane() % 16) * kStride + lane() / 16 * 8;
  const unsigned short* b_from = weights + (warp() % 2 * 64 + matrix / 2 * 8 + lane() % 8) * kStride + matrix % 2 * 8;
#pragma unroll
  for (int k = 0; k < kCols; k += 16) {
    unsigned a[2][4];
    ldmatrix_x4(a[0], a_from + k);
    ldmatrix_x4(a[1], a_from + 16 * kStride + k);
#pragma unroll
    for (int n = 0; n < 8; n += 2) {
      unsigned b[4];
      ldmatrix_x4(b, b_from + 8 * n * kStride + k);
#pragma unroll
      for (int m = 0; m < 2; ++m) {
        mma_bf16_16x8x16(sum[m][n], a[m], {b[0], b[1]});
        mma_bf16_16x8x16(sum[m][n + 1], a[m], {b[2], b[3]});
      }
    }
  }
}

QB_DEVICE void write_tile(const MatmulArguments& a, int first_token, int end_token, int first_row, const float (&sum)[2][8][4]) {
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int token = first_token + warp() / 2 * 32 + 16 * m + 8 * half + lane() / 4;
      if (token >= end_token) continue;
      float* y = a.y + token * a.y_stride;
#pragma unroll
      for (int n = 0; n < 8; ++n) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const int row = first_row + warp() % 2 * 64 + 8 * n + 2 * (lane() % 4) + i;
          const float value = sum[m][n][2 * half + i];
          if (row < a.rows) y[row] = a.accumulate ? y[row] + value : value;
        }
      }
    }
  }
}

/// What a block multiplies: its tokens and its matrix.
struct Task {
  WeightRows w;
  int first_token, end_token;  // of y, and of h where there is no index
};

QB_DEVICE Task task_of(const MatmulArguments& a) {
  if (a.groups.tiles == nullptr) return {a.w, block_y() * kTokens, min_int((block_y() + 1) * kTokens, a.tokens)};
  const ExpertTile tile = a.groups.tiles[block_y()];
  Task task{a.w, tile.first, tile.first + tile.rows};
  task.w.data = a.groups.data[tile.expert * a.groups.stride];
  return task;
}

template <bool kQuantised>
QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 2) matmul_kernel(MatmulArguments a) {
  QB_DYNAMIC_SHARED(unsigned short, shared);
  grid_dependency_wait();
  grid_dependency_trigger();
  if (a.groups.tiles != nullptr && block_y() >= *a.groups.count) return;
  const Task task = task_of(a);
  const int first_row = block_x() * kWeightRows;
  const int h_cols = static_cast<int>(prepared_cols(task.w.cols));
  const std::int32_t* index = a.groups.h_rows != nullptr ? a.groups.h_rows + task.first_token : nullptr;
  const auto* h = reinterpret_cast<const unsigned char*>(a.h) + (index != nullptr ? 0 : 2LL * task.first_token * h_cols);
  const unsigned char* weights = task.w.data + first_row * task.w.row_bytes;
  const auto fetch = [&](int tile) {
    unsigned short* to = shared + tile % 2 * kBuffer;
    copy_tile(h, index, 2LL * h_cols, task.end_token - task.first_token, tile * (kCols / 8), h_cols / 8, to);
    if constexpr (kQuantised) {
      decode_tile(task.w, first_row, a.rows, 2 * tile, to + kTokens * kStride);
    } else {
      copy_tile(weights, nullptr, task.w.row_bytes, a.rows - first_row, tile * (kCols / 8), (task.w.cols + 7) / 8, to + kTokens * kStride);
    }
    cp_async_commit();
  };
  float sum[2][8][4];
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int n = 0; n < 8; ++n) sum[m][n][0] = sum[m][n][1] = sum[m][n][2] = sum[m][n][3] = 0.0F;
  }
  const int tiles = h_cols / kCols;
  fetch(0);
  for (int tile = 0; tile < tiles; ++tile) {
    cp_async_wait<0>();
    sync_threads();  // this tile is there, and nobody reads the other buffer any more
    if (tile + 1 < tiles) fetch(tile + 1);
    const unsigned short* from = shared + tile % 2 * kBuffer;
    multiply_tile(from, from + kTokens * kStride, sum);
  }
  write_tile(a, task.first_token, task.end_token, first_row, sum);
}

}  // namespace

void prepare_rows(const PrepareRowsArguments& a, Stream& stream) {
  launch(LaunchConfig{{static_cast<unsigned>(a.tokens), 1, 1}, kThreads, 0, stream, a.programmatic, "prepare_rows"}, (prepare_rows_kernel),
         a);
}

void matmul(const MatmulArguments& a, Stream& stream) {
  const auto row_tiles = static_cast<unsigned>((a.rows + kWeightRows - 1) / kWeightRows);
  const auto token_tiles = static_cast<unsigned>(a.groups.tiles != nullptr ? a.groups.most : (a.tokens + kTokens - 1) / kTokens);
  const LaunchConfig config{{row_tiles, token_tiles, 1}, kThreads, kSharedBytes, stream, a.programmatic, "matmul"};
  if (reads_int8(a.w.dtype)) return launch(config, (matmul_kernel<true>), a);
  launch(config, (matmul_kernel<false>), a);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
