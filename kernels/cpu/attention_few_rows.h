// The two products of attention for a few query rows (decoding), straight from 16-bit cache tiles; included after one of simd_*.h.
//
// Each number of the cache is loaded and widened once for all rows. While a block is read, the same lines of the next one are fetched: the
// arithmetic between the blocks would otherwise leave the memory idle. Measured on a Zen 4 at 2.6 GHz on 2026-11-21, one thread, AVX-512,
// bfloat16 from memory, best of 15: head_dim 64 with 3 rows 17.8 GB/s (7.1 when a block is converted first), head_dim 128 with 1 row 22.7 (8.5).
#pragma once

#include "kernels/cpu/kv_tiles.h"

namespace qbench::kernels::cpu {
namespace {

constexpr int kVectorsPerTile = 16 / kWidth;

/// Powers of two that keep rows * vectors accumulators in registers.
constexpr int few_rows_vectors(int rows, int most) {
  int vectors = 1;
  while (vectors * 2 * rows <= kAccumulators && vectors * 2 <= most) vectors *= 2;
  return vectors;
}

QB_INLINE void fetch_ahead(const void* p) { __builtin_prefetch(p, 0, 2); }

struct Bf16Tiles {
  /// Dimensions d and d + 1 (d even) of kWidth positions from `lane`.
  static QB_INLINE void k_pair(const std::byte* tile, std::int64_t d, int lane, Vec* first, Vec* second) {
    vload_bf16_pairs(as_u16(tile) + d * 16 + lane * 2, first, second);
  }
  static QB_INLINE Vec v(const std::byte* p) { return vload_bf16(as_u16(p)); }
};

struct F16Tiles {
  static QB_INLINE void k_pair(const std::byte* tile, std::int64_t d, int lane, Vec* first, Vec* second) {
    *first = vload_f16(as_u16(tile) + d * 16 + lane);
    *second = vload_f16(as_u16(tile) + d * 16 + 16 + lane);
  }
  static QB_INLINE Vec v(const std::byte* p) { return vload_f16(as_u16(p)); }
};

/// What a block of attention over 16-bit tiles works on.
struct FewRows {
  const float* q;             // (rows, dim)
  std::int64_t dim, padded_dim;
  const std::byte* k;         // first tile of the block
  std::int64_t k_tile_bytes;
  const std::byte* v;         // row of the first visible position
  std::int64_t positions;     // visible rows of v
  float* scores;              // (rows, kAttentionBlock), at the block's first column
  const float* weights;       // the same, at the first visible column
  float* sum;                 // (rows, padded_dim)
};

/// scores of `Tiles` tiles from tile `tile` on.
template <class Cache, int Rows, int Tiles>
QB_INLINE void scores_of_tiles(const FewRows& f, std::int64_t tile, std::int64_t row) {
  constexpr int kVectors = Tiles * kVectorsPerTile;
  Vec sum[Rows][kVectors];
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < kVectors; ++j) sum[i][j] = vzero();
  }
  const std::byte* k = f.k + tile * f.k_tile_bytes;
  const float* q = f.q + row * f.dim;
  for (std::int64_t d = 0; d < f.dim; d += 2) {
    for (int t = 0; t < Tiles; ++t) {
      const std::byte* from = k + t * f.k_tile_bytes;
      fetch_ahead(from + kAttentionBlock / kKvTile * f.k_tile_bytes + d * 32);
      for (int j = 0; j < kVectorsPerTile; ++j) {
        Vec first;
        Vec second;
        Cache::k_pair(from, d, j * kWidth, &first, &second);
        for (int i = 0; i < Rows; ++i) {
          Vec& s = sum[i][t * kVectorsPerTile + j];
          s = vfma(vset(q[i * f.dim + d]), first, s);
          s = vfma(vset(q[i * f.dim + d + 1]), second, s);
        }
      }
    }
  }
  float* to = f.scores + row * kAttentionBlock + tile * kKvTile;
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < kVectors; ++j) vstore(to + i * kAttentionBlock + j * kWidth, sum[i][j]);
  }
}

template <class Cache, int Rows>
void few_rows_scores(const FewRows& f, std::int64_t tiles, std::int64_t row) {
  constexpr int kMost = kAttentionBlock / kKvTile;
  constexpr int kVectors = few_rows_vectors(Rows, kMost * kVectorsPerTile);
  constexpr int kTiles = kVectors > kVectorsPerTile ? kVectors / kVectorsPerTile : 1;
  std::int64_t tile = 0;
  for (; tile + kTiles <= tiles; tile += kTiles) scores_of_tiles<Cache, Rows, kTiles>(f, tile, row);
  for (; tile < tiles; ++tile) scores_of_tiles<Cache, Rows, 1>(f, tile, row);
}

/// sum[i][d ...] += weights[i][p] v[p][d ...] for `Vectors` vectors of dimensions.
template <class Cache, int Rows, int Vectors>
QB_INLINE void values_of_columns(const FewRows& f, std::int64_t d, std::int64_t row) {
  float* to = f.sum + row * f.padded_dim + d;
  Vec sum[Rows][Vectors];
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Vectors; ++j) sum[i][j] = vload(to + i * f.padded_dim + j * kWidth);
  }
  const float* weights = f.weights + row * kAttentionBlock;
  const std::int64_t row_bytes = f.padded_dim * 2;
  const std::byte* from = f.v + d * 2;
  for (std::int64_t p = 0; p < f.positions; ++p, from += row_bytes) {
    fetch_ahead(from + kAttentionBlock * row_bytes);
    Vec v[Vectors];
    for (int j = 0; j < Vectors; ++j) v[j] = Cache::v(from + j * kWidth * 2);
    for (int i = 0; i < Rows; ++i) {
      const Vec weight = vset(weights[i * kAttentionBlock + p]);
      for (int j = 0; j < Vectors; ++j) sum[i][j] = vfma(weight, v[j], sum[i][j]);
    }
  }
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Vectors; ++j) vstore(to + i * f.padded_dim + j * kWidth, sum[i][j]);
  }
}

template <class Cache, int Rows, int Vectors>
void few_rows_columns(const FewRows& f, std::int64_t d, std::int64_t row) {
  for (; d + Vectors * kWidth <= f.padded_dim; d += Vectors * kWidth) values_of_columns<Cache, Rows, Vectors>(f, d, row);
  if constexpr (Vectors > 1) {
    if (d < f.padded_dim) few_rows_columns<Cache, Rows, Vectors / 2>(f, d, row);
  }
}

/// The rows in groups that fit the registers; `product` chooses which of the two.
enum class Product { kScores, kValues };

template <class Cache, int Rows>
void few_rows_group(const FewRows& f, Product product, std::int64_t tiles, std::int64_t row, std::int64_t rows) {
  if (rows == Rows) {
    if (product == Product::kScores) few_rows_scores<Cache, Rows>(f, tiles, row);
    else few_rows_columns<Cache, Rows, few_rows_vectors(Rows, 8)>(f, 0, row);
  } else if constexpr (Rows > 1) {
    few_rows_group<Cache, Rows - 1>(f, product, tiles, row, rows);
  }
}

template <class Cache>
void few_rows(const FewRows& f, Product product, std::int64_t tiles, std::int64_t rows) {
  const std::int64_t groups = (rows + kWideRows - 1) / kWideRows;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t from = rows * g / groups;
    few_rows_group<Cache, kWideRows>(f, product, tiles, from, rows * (g + 1) / groups - from);
  }
}

}  // namespace
}  // namespace qbench::kernels::cpu
