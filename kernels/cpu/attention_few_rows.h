// The two products of attention for a few query rows (decoding), straight from 16-bit and q8_0 cache tiles; included after one of simd_*.h.
//
// Each number of the cache is loaded and widened once for all rows. While a block is read, the same lines of the next one are fetched: the
// arithmetic between the blocks would otherwise leave the memory idle. Measured on a Zen 4 at 2.6 GHz on 2026-11-21, one thread, AVX-512,
// bfloat16 from memory, best of 15: head_dim 64 with 3 rows 17.8 GB/s (7.1 when a block is converted first), head_dim 128 with 1 row 22.7
// (8.5).
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

/// What a block of attention works on.
struct FewRows {
  const KvLayout* layout;
  const float* q;      // (rows, head_dim)
  const std::byte* k;  // first tile of the block
  const std::byte* v;  // first tile of the head
  std::int64_t first;  // visible positions [first, last)
  std::int64_t last;
  float* scores;         // (rows, kAttentionBlock), at the block's first column
  const float* weights;  // the same, at the first visible column
  float* sum;            // (rows, padded_dim)
};

/// How a cache type is read: k_pair gives dimensions d and d + 1 (d even) of kWidth positions from `lane`; where kScaled, sums over 32
/// dimensions are to be multiplied by k_scale. v gives kWidth dimensions of a position.
struct Bf16Tiles {
  static constexpr int kBytes = 2;
  static constexpr bool kScaled = false;
  static QB_INLINE void k_pair(const std::byte* tile, std::int64_t d, int lane, Vec* first, Vec* second) {
    vload_bf16_pairs(as_u16(tile) + d * 16 + lane * 2, first, second);
  }
  static QB_INLINE Vec v(const KvLayout& layout, const std::byte* tile, std::int64_t slot, std::int64_t d) {
    return vload_bf16(as_u16(tile) + slot * layout.padded_dim + d);
  }
};

struct F16Tiles {
  static constexpr int kBytes = 2;
  static constexpr bool kScaled = false;
  static QB_INLINE void k_pair(const std::byte* tile, std::int64_t d, int lane, Vec* first, Vec* second) {
    *first = vload_f16(as_u16(tile) + d * 16 + lane);
    *second = vload_f16(as_u16(tile) + d * 16 + 16 + lane);
  }
  static QB_INLINE Vec v(const KvLayout& layout, const std::byte* tile, std::int64_t slot, std::int64_t d) {
    return vload_f16(as_u16(tile) + slot * layout.padded_dim + d);
  }
};

struct Q8Tiles {
  static constexpr int kBytes = 1;
  static constexpr bool kScaled = true;
  static QB_INLINE void k_pair(const std::byte* tile, std::int64_t d, int lane, Vec* first, Vec* second) {
    *first = vload_i8(as_i8(tile) + d * 16 + lane);
    *second = vload_i8(as_i8(tile) + d * 16 + 16 + lane);
  }
  static QB_INLINE Vec k_scale(const KvLayout& layout, const std::byte* tile, std::int64_t d, int lane) {
    return vload_f16(as_u16(tile + layout.head_dim * 16) + d / 32 * 16 + lane);
  }
  static QB_INLINE Vec v(const KvLayout& layout, const std::byte* tile, std::int64_t slot, std::int64_t d) {
    const std::int64_t dim = layout.head_dim;
    return vmul(vload_i8(as_i8(tile) + slot * dim + d), vset_f16(as_u16(tile + 16 * dim)[slot * (dim / 32) + d / 32]));
  }
};

/// One scale for all dimensions of a position. kF8Unit makes up for what vload_f8 leaves out.
struct F8Tiles {
  static constexpr int kBytes = 1;
  static constexpr bool kScaled = true;
  static QB_INLINE void k_pair(const std::byte* tile, std::int64_t d, int lane, Vec* first, Vec* second) {
    *first = vload_f8(as_u8(tile) + d * 16 + lane);
    *second = vload_f8(as_u8(tile) + d * 16 + 16 + lane);
  }
  static QB_INLINE Vec k_scale(const KvLayout& layout, const std::byte* tile, std::int64_t, int lane) {
    return vmul(vload_bf16(as_u16(tile + layout.head_dim * 16) + lane), vset(kF8Unit));
  }
  static QB_INLINE Vec v(const KvLayout& layout, const std::byte* tile, std::int64_t slot, std::int64_t d) {
    return vmul(vload_f8(as_u8(tile) + slot * layout.padded_dim + d), vset(f8_v_scale(layout, tile, slot)));
  }
};

/// sum += q k over dimensions [begin, end) of `Tiles` tiles.
template <class Cache, int Rows, int Tiles>
QB_INLINE void add_products(const FewRows& f, const std::byte* k, const float* q, std::int64_t begin, std::int64_t end,
                            Vec (&sum)[Rows][Tiles * kVectorsPerTile]) {
  const std::int64_t dim = f.layout->head_dim;
  for (std::int64_t d = begin; d < end; d += 2) {
    for (int t = 0; t < Tiles; ++t) {
      const std::byte* from = k + t * f.layout->k_tile_bytes;
      fetch_ahead(from + kAttentionBlock / kKvTile * f.layout->k_tile_bytes + d * 16 * Cache::kBytes);
      for (int j = 0; j < kVectorsPerTile; ++j) {
        Vec first;
        Vec second;
        Cache::k_pair(from, d, j * kWidth, &first, &second);
        for (int i = 0; i < Rows; ++i) {
          Vec& s = sum[i][t * kVectorsPerTile + j];
          s = vfma(vset(q[i * dim + d]), first, s);
          s = vfma(vset(q[i * dim + d + 1]), second, s);
        }
      }
    }
  }
}

/// scores of `Tiles` tiles from tile `tile` on.
template <class Cache, int Rows, int Tiles>
QB_INLINE void scores_of_tiles(const FewRows& f, std::int64_t tile, std::int64_t row) {
  constexpr int kVectors = Tiles * kVectorsPerTile;
  const std::int64_t dim = f.layout->head_dim;
  const std::byte* k = f.k + tile * f.layout->k_tile_bytes;
  const float* q = f.q + row * dim;
  Vec sum[Rows][kVectors];
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < kVectors; ++j) sum[i][j] = vzero();
  }
  if constexpr (Cache::kScaled) {
    for (std::int64_t d = 0; d < dim; d += 32) {
      const std::int64_t end = d + 32 < dim ? d + 32 : dim;
      Vec part[Rows][kVectors];
      for (int i = 0; i < Rows; ++i) {
        for (int j = 0; j < kVectors; ++j) part[i][j] = vzero();
      }
      add_products<Cache, Rows, Tiles>(f, k, q, d, end, part);
      for (int j = 0; j < kVectors; ++j) {
        const Vec scale = Cache::k_scale(*f.layout, k + j / kVectorsPerTile * f.layout->k_tile_bytes, d, j % kVectorsPerTile * kWidth);
        for (int i = 0; i < Rows; ++i) sum[i][j] = vfma(scale, part[i][j], sum[i][j]);
      }
    }
  } else {
    add_products<Cache, Rows, Tiles>(f, k, q, 0, dim, sum);
  }
  float* to = f.scores + row * kAttentionBlock + tile * kKvTile;
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < kVectors; ++j) vstore(to + i * kAttentionBlock + j * kWidth, sum[i][j]);
  }
}

template <class Cache, int Rows>
void few_rows_scores(const FewRows& f, std::int64_t tiles, std::int64_t row) {
  constexpr int kMost = kAttentionBlock / kKvTile;
  constexpr int kVectors = few_rows_vectors(Cache::kScaled ? 2 * Rows : Rows, kMost * kVectorsPerTile);
  constexpr int kTiles = kVectors > kVectorsPerTile ? kVectors / kVectorsPerTile : 1;
  std::int64_t tile = 0;
  for (; tile + kTiles <= tiles; tile += kTiles) scores_of_tiles<Cache, Rows, kTiles>(f, tile, row);
  for (; tile < tiles; ++tile) scores_of_tiles<Cache, Rows, 1>(f, tile, row);
}

/// sum[i][d ...] += weights[i][p] v[p][d ...] for `Vectors` vectors of dimensions.
template <class Cache, int Rows, int Vectors>
QB_INLINE void values_of_columns(const FewRows& f, std::int64_t d, std::int64_t row) {
  const std::int64_t padded = f.layout->padded_dim;
  float* to = f.sum + row * padded + d;
  Vec sum[Rows][Vectors];
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Vectors; ++j) sum[i][j] = vload(to + i * padded + j * kWidth);
  }
  const float* weights = f.weights + row * kAttentionBlock - f.first;
  for (std::int64_t p = f.first; p < f.last;) {
    const std::byte* tile = f.v + p / kKvTile * f.layout->v_tile_bytes;
    const std::byte* ahead = tile + kAttentionBlock / kKvTile * f.layout->v_tile_bytes + d * Cache::kBytes;
    const std::int64_t tile_begin = p / kKvTile * kKvTile;
    const std::int64_t tile_end = tile_begin + kKvTile < f.last ? tile_begin + kKvTile : f.last;
    for (; p < tile_end; ++p) {
      const std::int64_t slot = p - tile_begin;
      fetch_ahead(ahead + slot * padded * Cache::kBytes);
      Vec v[Vectors];
      for (int j = 0; j < Vectors; ++j) v[j] = Cache::v(*f.layout, tile, slot, d + j * kWidth);
      for (int i = 0; i < Rows; ++i) {
        const Vec weight = vset(weights[i * kAttentionBlock + p]);
        for (int j = 0; j < Vectors; ++j) sum[i][j] = vfma(weight, v[j], sum[i][j]);
      }
    }
  }
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Vectors; ++j) vstore(to + i * padded + j * kWidth, sum[i][j]);
  }
}

template <class Cache, int Rows, int Vectors>
void few_rows_columns(const FewRows& f, std::int64_t d, std::int64_t row) {
  for (; d + Vectors * kWidth <= f.layout->padded_dim; d += Vectors * kWidth) values_of_columns<Cache, Rows, Vectors>(f, d, row);
  if constexpr (Vectors > 1) {
    if (d < f.layout->padded_dim) few_rows_columns<Cache, Rows, Vectors / 2>(f, d, row);
  }
}

/// The rows in groups that fit the registers; `product` chooses which of the two.
enum class Product { kScores, kValues };

template <class Cache, int Rows>
void few_rows_group(const FewRows& f, Product product, std::int64_t tiles, std::int64_t row, std::int64_t rows) {
  if (rows == Rows) {
    if (product == Product::kScores)
      few_rows_scores<Cache, Rows>(f, tiles, row);
    else
      few_rows_columns<Cache, Rows, few_rows_vectors(Rows, 8)>(f, 0, row);
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
