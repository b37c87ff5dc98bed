#include "kernels/cuda/matmul.h"

#include "kernels/cuda/matmul_tiles.cuh"

// Products of many tokens on tensor cores (mma m16n8k16, bf16 or f16 in, float32 out).
//
// Grid: (tiles of 128 tokens, or of one expert's rows; tiles of 128 weight rows): blocks that run together share weights, so that these
// come from memory once and the activations from L2. Block: 8 warps, each 32 tokens x 64 rows; A = tokens, B = weights, both with their
// columns contiguous, so both come by plain ldmatrix. Columns pass in tiles of 64 through three buffers: while one is multiplied, the next
// two (on devices with less than 108 KB for a block one of two) are on their way (cp.async; quantised weights are decoded by one thread for each block of 32 numbers). Shared memory: 3 x (128 + 128)
// rows of 72 numbers (8 of padding: ldmatrix reads all banks), 108 KB, so two blocks share a multiprocessor. Deterministic.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kThreads = 256;
constexpr int kTokens = kMatmulTokens;
constexpr int kWeightRows = 128;
constexpr int kBuffer = (kTokens + kWeightRows) * kTileStride;  // numbers
static_assert(kBuffer * 2 == kMatmulStageBytes);

/// Finite numbers beyond float16's range become its largest.
QB_DEVICE unsigned saturated_pair(float lo, float hi) {
  constexpr float kLargest = 65504.0F;
  const auto saturated = [](float x) { return magnitude_bits(x) < 0x7f800000U ? fminf(fmaxf(x, -kLargest), kLargest) : x; };
  return pack2_f16(saturated(lo), saturated(hi));
}

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
    const float4 s = {scale * v.x, scale * v.y, scale * v.z, scale * v.w};
    h[e / 4] = a.f16 ? uint2{saturated_pair(s.x, s.y), saturated_pair(s.z, s.w)} : uint2{pack2_bf16(s.x, s.y), pack2_bf16(s.z, s.w)};
  }
}

/// Rows of 64 numbers from unit `first_unit` on, zero beyond `count` rows and `units` units of 8. Row r is at from + index[r] * row_bytes,
/// or r.
QB_DEVICE void copy_tile(const unsigned char* from, const std::int32_t* index, long long row_bytes, int count, int first_unit, int units,
                         unsigned short* to) {
#pragma unroll 1  // four rounds of addresses at once would spill
  for (int i = thread_x(); i < 128 * kTileUnits; i += kThreads) {
    const int row = i / kTileUnits;
    const int unit = i % kTileUnits;
    unsigned short* at = to + row * kTileStride + 8 * unit;
    if (row < count && first_unit + unit < units) {
      cp_async16(at, from + (index != nullptr ? index[row] : row) * row_bytes + 16LL * (first_unit + unit));
    } else {
      *reinterpret_cast<uint4*>(at) = uint4{0, 0, 0, 0};
    }
  }
}

/// One thread for each row and block of 32 numbers of the tile.
QB_DEVICE void decode_tile(const WeightRows& m, int first_row, int rows, int first_unit, unsigned short* to) {
  const int row = thread_x() / 2;
  const int unit = first_unit + thread_x() % 2;
  unsigned short* at = to + row * kTileStride + 32 * (thread_x() % 2);
  if (first_row + row >= rows || unit >= m.cols / 32) {
    write_zero_unit(at);
    return;
  }
  decode_any_unit(m, m.data + (first_row + row) * m.row_bytes, unit, at);
}

/// The warp's 32 x 64 part of one column tile.
template <bool kF16>
QB_DEVICE void multiply_tile(const unsigned short* tokens, const unsigned short* weights, float (&sum)[2][8][4]) {
  const int matrix = lane() / 8;
  const unsigned short* a_from = tokens + (warp() / 2 * 32 + lane() % 16) * kTileStride + lane() / 16 * 8;
  const unsigned short* b_from = weights + (warp() % 2 * 64 + matrix / 2 * 8 + lane() % 8) * kTileStride + matrix % 2 * 8;
#pragma unroll
  for (int k = 0; k < kTileCols; k += 16) {
    unsigned a[2][4];
    ldmatrix_x4(a[0], a_from + k);
    ldmatrix_x4(a[1], a_from + 16 * kTileStride + k);
#pragma unroll
    for (int n = 0; n < 8; n += 2) {
      unsigned b[4];
      ldmatrix_x4(b, b_from + 8 * n * kTileStride + k);
#pragma unroll
      for (int m = 0; m < 2; ++m) {
        mma_half_16x8x16<kF16>(sum[m][n], a[m], {b[0], b[1]});
        mma_half_16x8x16<kF16>(sum[m][n + 1], a[m], {b[2], b[3]});
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
  if (a.groups.tiles == nullptr) return {a.w, block_x() * kTokens, min_int((block_x() + 1) * kTokens, a.tokens)};
  const ExpertTile tile = a.groups.tiles[block_x()];
  Task task{a.w, tile.first, tile.first + tile.rows};
  task.w.data = a.groups.data[tile.expert * a.groups.stride];
  return task;
}

template <bool kQuantised, bool kF16, int kStages>
QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 2) matmul_kernel(MatmulArguments a) {
  QB_DYNAMIC_SHARED(unsigned short, shared);
  grid_dependency_wait();
  grid_dependency_trigger();
  if (a.groups.tiles != nullptr && block_x() >= *a.groups.count) return;
  const Task task = task_of(a);
  const int first_row = block_y() * kWeightRows;
  const int h_cols = static_cast<int>(prepared_cols(task.w.cols));
  const std::int32_t* index = a.groups.h_rows != nullptr ? a.groups.h_rows + task.first_token : nullptr;
  const auto* h = reinterpret_cast<const unsigned char*>(a.h) + (index != nullptr ? 0 : 2LL * task.first_token * h_cols);
  const unsigned char* weights = task.w.data + first_row * task.w.row_bytes;
  const int tiles = h_cols / kTileCols;
  const auto fetch = [&](int tile) {
    if (tile >= tiles) return cp_async_commit();  // an empty group, so that groups count tiles
    unsigned short* to = shared + tile % kStages * kBuffer;
    copy_tile(h, index, 2LL * h_cols, task.end_token - task.first_token, tile * kTileUnits, h_cols / 8, to);
    if constexpr (kQuantised) {
      decode_tile(task.w, first_row, a.rows, 2 * tile, to + kTokens * kTileStride);
    } else {
      copy_tile(weights, nullptr, task.w.row_bytes, a.rows - first_row, tile * kTileUnits, (task.w.cols + 7) / 8,
                to + kTokens * kTileStride);
    }
    cp_async_commit();
  };
  float sum[2][8][4];
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int n = 0; n < 8; ++n) sum[m][n][0] = sum[m][n][1] = sum[m][n][2] = sum[m][n][3] = 0.0F;
  }
#pragma unroll 1
  for (int tile = 0; tile < kStages - 1; ++tile) fetch(tile);
#pragma unroll 1
  for (int tile = 0; tile < tiles; ++tile) {
    cp_async_wait<kStages - 2>();
    sync_threads();  // this tile is there, and nobody reads the buffer of the one before any more
    fetch(tile + kStages - 1);
    const unsigned short* from = shared + tile % kStages * kBuffer;
    multiply_tile<kF16>(from, from + kTokens * kTileStride, sum);
  }
  write_tile(a, task.first_token, task.end_token, first_row, sum);
}

}  // namespace

void prepare_rows(const PrepareRowsArguments& a, Stream& stream) {
  launch(LaunchConfig{{static_cast<unsigned>(a.tokens), 1, 1}, kThreads, 0, stream, a.programmatic, "prepare_rows"}, (prepare_rows_kernel),
         a);
}

namespace {

template <int kStages>
void start(const MatmulArguments& a, Stream& stream) {
  const auto row_tiles = static_cast<unsigned>((a.rows + kWeightRows - 1) / kWeightRows);
  const auto token_tiles = static_cast<unsigned>(a.groups.tiles != nullptr ? a.groups.most : (a.tokens + kTokens - 1) / kTokens);
  const LaunchConfig config{{token_tiles, row_tiles, 1}, kThreads, kStages * kMatmulStageBytes, stream, a.programmatic, "matmul"};
  if (is_decoded(a.w.dtype)) return launch(config, (matmul_kernel<true, false, kStages>), a);
  if (a.w.dtype == DType::kF16) return launch(config, (matmul_kernel<false, true, kStages>), a);
  launch(config, (matmul_kernel<false, false, kStages>), a);
}

}  // namespace

void matmul(const MatmulArguments& a, Stream& stream) {
  if (a.stages == 2) return start<2>(a, stream);
  start<3>(a, stream);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
