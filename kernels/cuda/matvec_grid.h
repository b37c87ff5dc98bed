#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cuda/weight_layout.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

constexpr int kMatvecThreads = 256;
constexpr int kMatvecWarps = kMatvecThreads / 32;

constexpr int unit_count_host(const WeightRows& w) { return (w.cols + unit_numbers(w.dtype) - 1) / unit_numbers(w.dtype); }

/// How a matrix-vector launch is divided.
struct MatvecGrid {
  unsigned blocks;
  int parts;  ///< warps that share the columns of a row: 1, 2, 4 or 8
};

/// Warps share rows where whole rows would leave multiprocessors idle or unevenly loaded, as long as each lane keeps a unit. The grid is at
/// most four blocks for each multiprocessor: a block stages the activations once and walks on.
constexpr MatvecGrid matvec_grid(std::int64_t rows, int rows_of_warp, int units, std::int64_t tokens, int sm_count) {
  const auto tiles_for = [&](int parts) {
    const std::int64_t tile = kMatvecWarps / parts * rows_of_warp;
    return (rows + tile - 1) / tile;
  };
  int parts = 1;
  while (parts < kMatvecWarps && tiles_for(parts) * tokens < 4LL * sm_count && units >= 64 * parts) parts *= 2;
  const std::int64_t most = std::max<std::int64_t>(1, 4LL * sm_count / std::max<std::int64_t>(1, tokens));
  return {static_cast<unsigned>(std::min(tiles_for(parts), std::max<std::int64_t>(most, 1))), parts};
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
