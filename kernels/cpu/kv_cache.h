#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/isa.h"
#include "tensor/dtype.h"

namespace qbench::kernels::cpu {

/// Positions per tile of the cache.
constexpr std::int64_t kKvTile = 16;

/// How keys and values of one layer, sequence and KV head lie in memory: first all K tiles, then all V tiles, each tile 16 positions.
///   K tile: transposed, so that one vector holds the same dimension of 16 positions and q k^T needs no sum across lanes.
///     F32, F16: [head_dim][16]       BF16: [head_dim / 2][16][2]
///     Q8_0:     int8 [head_dim][16], then float16 scales [head_dim / 32][16]
///     FP8:   codes [head_dim][16], then bfloat16 scales [16]
///   V tile: row-major, [16][padded_dim]; Q8_0: int8 [16][head_dim], then float16 scales [16][head_dim / 32];
///           FP8: codes [16][padded_dim], then bfloat16 scales [16]
/// padded_dim is head_dim rounded up to 16; the padding is zero. Q8_0 is symmetric: 32 numbers of one position share scale = max|x| / 127.
/// FP8 has one scale = max|x| / 448 for a head's numbers at a position: measured on the eight tiny reference
/// models, 200 tokens each, the mean KL of the logits from those of a float32 cache is lower with it on every one (0.006 to 0.070 nats, without
/// 0.008 to 0.110).
struct KvLayout {
  tensor::DType dtype;
  std::int64_t head_dim;
  std::int64_t padded_dim;
  std::int64_t tiles;
  std::int64_t k_tile_bytes;  ///< multiples of 64
  std::int64_t v_tile_bytes;

  std::int64_t head_bytes() const { return tiles * (k_tile_bytes + v_tile_bytes); }
  const std::byte* k_tile(const std::byte* head, std::int64_t tile) const { return head + tile * k_tile_bytes; }
  const std::byte* v_tile(const std::byte* head, std::int64_t tile) const { return head + tiles * k_tile_bytes + tile * v_tile_bytes; }
};

/// Room for `positions` positions, rounded up to whole tiles. dtype: kF32, kF16, kBF16, kFP8, or kQ8_0 with head_dim % 32 == 0.
/// Error{kUnsupported} for another type, an odd head_dim or a Q8_0 head_dim that is no multiple of 32.
KvLayout make_kv_layout(tensor::DType dtype, std::int64_t head_dim, std::int64_t positions);

/// Writes k and v (head_dim) of one position into the cache of one layer, sequence and KV head, rounded to the cache's type. Finite numbers
/// beyond its range become its largest (float16: 65504; Q8_0: 127 x 65504); infinities and NaN stay what they are (Q8_0: the block is NaN;
/// FP8: the head's numbers at that position).
using AppendKv = void (*)(const KvLayout& layout, std::byte* head, std::int64_t position, const float* k, const float* v);
AppendKv append_kv_kernel(Isa isa);

}  // namespace qbench::kernels::cpu
