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

/// Runs the tile over all tokens, kTokens at a time, then the rest in ever smaller groups.
template <int kTokens, class Tile>
void run_tokens(const Tile& tile, const MultiplyArgs& a, std::int64_t row, std::int64_t token = 0) {
  for (; a.tokens - token >= kTokens; token += kTokens) {
    tile.template run<kTokens>(a.x + token * a.x_stride, a.x_stride, a.y + token * a.y_stride + row, a.y_stride);
  }
  if constexpr (kTokens > 1) run_tokens<kTokens / 2>(tile, a, row, token);
}

}  // namespace
}  // namespace qbench::kernels::cpu
