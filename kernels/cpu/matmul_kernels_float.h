#pragma once

#include "kernels/cpu/matmul_kernels.h"

/// Kernels for F32, F16 and BF16 weights. Included by one file per instruction set, see matmul_kernels.h.
namespace qbench::kernels::cpu {
namespace {

/// How a weight type lies in a tile and becomes float vectors, kColsPerStep columns a step. `multiply` accumulates one step's product.
template <class V>
struct WeightsF32 {
  static constexpr int kColsPerStep = 1, kInputBytes = 4, kStepBytes = 64, kLaneBytes = 4, kTokens = V::kFloatTokens;
  using Weights = typename V::Float;
  QB_INLINE Weights load(const std::uint8_t* w) { return V::load(reinterpret_cast<const float*>(w)); }
  template <int kRegs>
  QB_INLINE void multiply(const Weights* w, const std::byte* x, typename V::Float* sum, int sum_step) {
    const typename V::Float input = V::broadcast(reinterpret_cast<const float*>(x));
#pragma GCC unroll 8
    for (int r = 0; r < kRegs; ++r) sum[r * sum_step] = V::fma(w[r], input, sum[r * sum_step]);
  }
};

template <class V>
struct WeightsF16 : WeightsF32<V> {
  static constexpr int kStepBytes = 32, kLaneBytes = 2;
  QB_INLINE typename V::Float load(const std::uint8_t* w) { return V::load_f16(w); }
};

template <class V>
struct WeightsBF16 {
  static constexpr int kColsPerStep = 2, kInputBytes = 4, kStepBytes = 64, kLaneBytes = 4, kTokens = V::kPairTokens;
  struct Weights { typename V::Float even, odd; };
  QB_INLINE Weights load(const std::uint8_t* w) {
    const typename V::Int pair = V::load_bytes(w);
    return {V::bf16_even(pair), V::bf16_odd(pair)};
  }
  template <int kRegs>
  QB_INLINE void multiply(const Weights* w, const std::byte* x, typename V::Float* sum, int sum_step) {
    const typename V::Float even = V::broadcast(reinterpret_cast<const float*>(x));
    const typename V::Float odd = V::broadcast(reinterpret_cast<const float*>(x) + 1);
#pragma GCC unroll 8
    for (int r = 0; r < kRegs; ++r) sum[r * sum_step] = V::fma(w[r].odd, odd, V::fma(w[r].even, even, sum[r * sum_step]));
  }
};

/// The part of a product that one register tile computes: kRegs registers of rows, from `row` on, by the columns of one chunk.
template <class V, class W, int kRegs>
struct FloatTile {
  const std::uint8_t* w[kRegs];
  std::int64_t first_step, steps;
  std::int64_t rows;  // that exist from the tile's first row on
  bool add;

  FloatTile(const MultiplyArgs& a, std::int64_t row, std::int64_t first_col) {
    const std::int64_t all_steps = (a.w.cols + W::kColsPerStep - 1) / W::kColsPerStep;
    first_step = first_col / W::kColsPerStep;
    steps = min64(kChunkCols / W::kColsPerStep, all_steps - first_step);
    rows = a.row_end - row;
    add = a.accumulate || first_col > 0;
    for (int r = 0; r < kRegs; ++r) {
      const std::int64_t at = row + r * V::kLanes;
      w[r] = a.w.quants + (at / kTileRows * all_steps + first_step) * W::kStepBytes + at % kTileRows * W::kLaneBytes;
    }
  }

  template <int kTokens>
  __attribute__((noinline)) void run(const std::byte* x, std::int64_t x_stride, float* y, std::int64_t y_stride) const {
    typename V::Float sum[kRegs][kTokens];
#pragma GCC unroll 8
    for (int r = 0; r < kRegs; ++r) {
#pragma GCC unroll 16
      for (int t = 0; t < kTokens; ++t) sum[r][t] = V::zero();
    }
    constexpr int kInputStep = W::kColsPerStep * W::kInputBytes;
    x += first_step * kInputStep;
    for (std::int64_t s = 0; s < steps; ++s) {
      typename W::Weights weights[kRegs];
#pragma GCC unroll 8
      for (int r = 0; r < kRegs; ++r) weights[r] = W::load(w[r] + s * W::kStepBytes);
#pragma GCC unroll 16
      for (int t = 0; t < kTokens; ++t) W::template multiply<kRegs>(weights, x + t * x_stride + s * kInputStep, &sum[0][t], kTokens);
    }
#pragma GCC unroll 16
    for (int t = 0; t < kTokens; ++t) {
#pragma GCC unroll 8
      for (int r = 0; r < kRegs; ++r) put<V>(y + t * y_stride + r * V::kLanes, sum[r][t], rows - r * V::kLanes, add);
    }
  }
};

template <class V, class W>
void multiply_float(const MultiplyArgs& a) {
  constexpr int kTileRegs = kTileRows / V::kLanes;
  constexpr int kRegs = V::kFloatRegs, kRegsOne = V::kFloatRegsOneToken;
  if (a.tokens == 1) {  // each weight is used once: walk along the rows so that memory is read in order
    std::int64_t row = a.row_begin;
    for (; a.row_end - row > kRegsOne * V::kLanes - kTileRows; row += kRegsOne * V::kLanes) {
      for (std::int64_t col = 0; col < a.w.cols; col += kChunkCols) {
        run_tokens<1>(FloatTile<V, W, kRegsOne>(a, row, col), a, row);
      }
    }
    for (; row < a.row_end; row += kTileRows) {
      for (std::int64_t col = 0; col < a.w.cols; col += kChunkCols) run_tokens<1>(FloatTile<V, W, kTileRegs>(a, row, col), a, row);
    }
    return;
  }
  for (std::int64_t col = 0; col < a.w.cols; col += kChunkCols) {
    std::int64_t row = a.row_begin;
    for (; a.row_end - row > kRegs * V::kLanes - kTileRows; row += kRegs * V::kLanes) {
      run_tokens<W::kTokens>(FloatTile<V, W, kRegs>(a, row, col), a, row);
    }
    for (; row < a.row_end; row += kTileRows) run_tokens<W::kTokens>(FloatTile<V, W, kTileRegs>(a, row, col), a, row);
  }
}

}  // namespace
}  // namespace qbench::kernels::cpu
