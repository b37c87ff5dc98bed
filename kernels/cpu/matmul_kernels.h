#pragma once

#include <cstdint>

#include "kernels/cpu/matmul_layout.h"

/// The matrix kernels, as templates over a vector set V (matmul_vector_*.h). Included by one file per instruction set; everything is in an
/// anonymous namespace so that no two files share a function compiled for one of them.
///
/// Every kernel computes, for each row r and token t, chunk by chunk of kChunkCols columns:
///   y = (accumulate ? y : 0) + chunk 0 + chunk 1 + ...       chunk = one float32 accumulator over the chunk's columns in order
/// so a number depends neither on how rows are split between threads nor on how many tokens stand beside it.

#define QB_INLINE static inline __attribute__((always_inline))

namespace qbench::kernels::cpu {
namespace {

/// Columns whose sum is kept in one accumulator, and that a panel of unpacked weights holds: 32 rows of u8 are 32 KiB.
constexpr int kChunkCols = 1024;
constexpr int kChunkBlocks = kChunkCols / kBlockCols;

constexpr std::int64_t min64(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// y[0..n) of one register: start or continue the sum over chunks.
template <class V>
QB_INLINE void put(float* y, typename V::Float sum, std::int64_t n, bool add) {
  if (n >= V::kLanes) {
    V::store(y, add ? V::add(V::load(y), sum) : sum);
  } else if (n > 0) {
    V::store_first(y, add ? V::add(V::load_first(y, n), sum) : sum, n);
  }
}

// ---------------------------------------------------------------------------------------------------------------------------------
// Float weights

/// Reads column c of register r (rows r * kLanes ...) of tiles stored one behind the other.
template <class V>
struct WeightsF32 {
  static constexpr int kColsPerStep = 1;
  static constexpr std::int64_t tile_bytes(std::int64_t cols) { return cols * 64; }
  static constexpr std::int64_t step_bytes = 64;
  static constexpr int lane_bytes = 4;
  QB_INLINE void step(const std::uint8_t* w, typename V::Float* out) { out[0] = V::load(reinterpret_cast<const float*>(w)); }
};
template <class V>
struct WeightsF16 {
  static constexpr int kColsPerStep = 1;
  static constexpr std::int64_t tile_bytes(std::int64_t cols) { return cols * 32; }
  static constexpr std::int64_t step_bytes = 32;
  static constexpr int lane_bytes = 2;
  QB_INLINE void step(const std::uint8_t* w, typename V::Float* out) { out[0] = V::load_f16(w); }
};
template <class V>
struct WeightsBF16 {
  static constexpr int kColsPerStep = 2;
  static constexpr std::int64_t tile_bytes(std::int64_t cols) { return (cols + 1) / 2 * 64; }
  static constexpr std::int64_t step_bytes = 64;
  static constexpr int lane_bytes = 4;
  QB_INLINE void step(const std::uint8_t* w, typename V::Float* out) {
    const typename V::Int pair = V::load_bytes(w);
    out[0] = V::bf16_even(pair);
    out[1] = V::bf16_odd(pair);
  }
};

/// kRegs registers of rows by kTokens tokens over `steps` steps; w[r] points at the first step of register r.
template <class V, class W, int kRegs, int kTokens>
QB_INLINE void float_tile(const std::uint8_t* const* w, const float* x, std::int64_t x_stride, std::int64_t steps, float* y, std::int64_t y_stride,
                          std::int64_t rows, bool add) {
  constexpr int kCols = W::kColsPerStep;
  typename V::Float sum[kRegs][kTokens];
  for (int r = 0; r < kRegs; ++r) {
    for (int t = 0; t < kTokens; ++t) sum[r][t] = V::zero();
  }
  for (std::int64_t s = 0; s < steps; ++s) {
    typename V::Float weights[kRegs][kCols];
#pragma GCC unroll 8
    for (int r = 0; r < kRegs; ++r) W::step(w[r] + s * W::step_bytes, weights[r]);
#pragma GCC unroll 2
    for (int c = 0; c < kCols; ++c) {
#pragma GCC unroll 16
      for (int t = 0; t < kTokens; ++t) {
        const typename V::Float input = V::broadcast(x + t * x_stride + s * kCols + c);
#pragma GCC unroll 8
        for (int r = 0; r < kRegs; ++r) sum[r][t] = V::fma(weights[r][c], input, sum[r][t]);
      }
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    for (int r = 0; r < kRegs; ++r) put<V>(y + t * y_stride + r * V::kLanes, sum[r][t], rows - r * V::kLanes, add);
  }
}

}  // namespace
}  // namespace qbench::kernels::cpu
