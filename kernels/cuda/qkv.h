#pragma once

#include <cstdint>

#include "kernels/cuda/kv_layout.h"
#include "kernels/cuda/matvec.h"
#include "kernels/cuda/matvec_grid.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// h = rmsnorm(x) * norm; [q k v] = h w^T + bias; q and k normalised per head where q_norm is set; rotation of q and k by their position
/// (NeoX pairs j, j + rotary_dim / 2); k and v go to the cache, rounded to its type as the CPU does; q comes back.
struct QkvArguments {
  WeightRows part[3];         ///< q, k, v rows, or all in part 0 where the file stacks them
  std::int32_t part_rows[3];  ///< multiples of head_dim; 0: no such part
  std::int32_t tokens, heads, kv_heads, head_dim;
  const float* x;     // (tokens, cols)
  const float* norm;  // (cols)
  float rms_eps;
  const float* bias;              // ((heads + 2 kv_heads) head_dim) or nullptr
  const float* q_norm;            // (head_dim) or nullptr
  const float* k_norm;            // (head_dim) or nullptr
  const std::int32_t* positions;  // (tokens)
  const std::int32_t* sequences;  // (tokens)
  const float* rope_cos;          // (positions of the cache, rotary_dim / 2), with the magnitude
  const float* rope_sin;
  std::int32_t rotary_dim;
  float* raw;         // (tokens, (heads + 2 kv_heads) head_dim) workspace
  unsigned* tickets;  // (tokens, heads + 2 kv_heads), zero before and after
  float* q;           // (tokens, heads, head_dim)
  unsigned char* cache;
  KvLayout layout;
  std::int32_t layer;
  bool programmatic;
  bool operator==(const QkvArguments&) const = default;
};
constexpr Cost qkv_cost(const QkvArguments& a) {
  std::uint64_t weights = 0;
  std::uint64_t rows = 0;
  for (int p = 0; p < 3; ++p) {
    weights += static_cast<std::uint64_t>(a.part_rows[p]) * static_cast<std::uint64_t>(a.part[p].row_bytes);
    rows += static_cast<std::uint64_t>(a.part_rows[p]);
  }
  const auto tokens = static_cast<std::uint64_t>(a.tokens);
  const auto cols = static_cast<std::uint64_t>(a.part[0].cols);
  const auto appended = static_cast<std::uint64_t>(2 * a.kv_heads * a.head_dim * kv_number_bytes(a.layout.dtype));
  return {weights + tokens * (4 * cols + 4 * static_cast<std::uint64_t>(a.heads * a.head_dim) + appended), 2 * rows * cols * tokens};
}
/// How a launch is divided: a head's rows into tiles, a block each.
struct QkvGrid {
  int tiles;                 ///< of a head
  int parts;                 ///< warps that share the columns of a row
  std::int64_t shared_bytes; ///< dynamic
};
constexpr int kQkvRows = 2;  ///< of a warp
constexpr QkvGrid qkv_grid(const QkvArguments& a, int sm_count) {
  const std::int64_t rows = std::int64_t{a.heads + 2 * a.kv_heads} * a.head_dim;
  QkvGrid grid{1, matvec_grid(rows, kQkvRows, unit_count_host(a.part[0]), a.tokens, sm_count).parts, 0};
  const int tile = kMatvecWarps / grid.parts * kQkvRows;
  grid.tiles = (a.head_dim + tile - 1) / tile;
  for (int p = 0; p < 3; ++p) {
    if (a.part_rows[p] > 0 && staged_bytes(a.part[p]) > grid.shared_bytes) grid.shared_bytes = staged_bytes(a.part[p]);
  }
  return grid;
}
/// Requires staged_bytes of every part <= shared_limit, head_dim <= kMostHeadDim and a multiple of 8.
void qkv(const QkvArguments& a, int sm_count, Stream& stream);

/// The second half alone, for products that another kernel left in a.qkv.raw: bias, norm, rotation, append.
struct QkvFinishArguments {
  QkvArguments qkv;

  bool operator==(const QkvFinishArguments&) const = default;
};
constexpr Cost qkv_finish_cost(const QkvFinishArguments& a) {
  const auto numbers = static_cast<std::uint64_t>(a.qkv.heads + 2 * a.qkv.kv_heads) * static_cast<std::uint64_t>(a.qkv.head_dim) *
                       static_cast<std::uint64_t>(a.qkv.tokens);
  return {8 * numbers, 6 * numbers};
}
void qkv_finish(const QkvFinishArguments& a, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
