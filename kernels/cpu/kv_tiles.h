// Reading and writing of the cache's tiles; included after one of simd_*.h.
#pragma once

#include "kernels/cpu/kv_cache.h"
#include "tensor/float_formats.h"

namespace qbench::kernels::cpu {
namespace {

QB_INLINE const std::uint16_t* as_u16(const std::byte* p) { return reinterpret_cast<const std::uint16_t*>(p); }
QB_INLINE const float* as_f32(const std::byte* p) { return reinterpret_cast<const float*>(p); }
QB_INLINE const std::uint8_t* as_u8(const std::byte* p) { return reinterpret_cast<const std::uint8_t*>(p); }
QB_INLINE const std::int8_t* as_i8(const std::byte* p) { return reinterpret_cast<const std::int8_t*>(p); }

/// vload_f8 widens the bits as if they were a float16's, which has the same mantissa's place and a bias larger by 8.
constexpr float kF8Unit = 256.0F;

QB_INLINE float bf16_as_f32(std::uint16_t bits) {
  const std::uint32_t word = static_cast<std::uint32_t>(bits) << 16;
  float value;
  __builtin_memcpy(&value, &word, sizeof value);
  return value;
}

/// What the codes of V at a slot are multiplied with, as vload_f8 reads them.
QB_INLINE float f8_v_scale(const KvLayout& layout, const std::byte* v_tile, std::int64_t slot) {
  return kF8Unit * bf16_as_f32(as_u16(v_tile + 16 * layout.padded_dim)[slot]);
}

void k_tile_as_f32(const KvLayout& layout, const std::byte* tile, float* to) {
  const std::int64_t dim = layout.head_dim;
  if (layout.dtype == tensor::DType::kBF16) {
    for (std::int64_t i = 0; i < dim * 16; i += 2 * kWidth) {  // pairs of dimensions: [dim / 2][16][2]
      Vec even;
      Vec odd;
      vload_bf16_pairs(as_u16(tile) + i, &even, &odd);
      const std::int64_t pair = i / 32;
      const std::int64_t lane = i % 32 / 2;
      vstore(to + pair * 32 + lane, even);
      vstore(to + pair * 32 + 16 + lane, odd);
    }
  } else if (layout.dtype == tensor::DType::kF16) {
    for (std::int64_t i = 0; i < dim * 16; i += kWidth) vstore(to + i, vload_f16(as_u16(tile) + i));
  } else if (layout.dtype == tensor::DType::kFP8) {
    for (int lane = 0; lane < 16; lane += kWidth) {
      const Vec scale = vmul(vload_bf16(as_u16(tile + dim * 16) + lane), vset(kF8Unit));
      for (std::int64_t d = 0; d < dim; ++d) vstore(to + d * 16 + lane, vmul(vload_f8(as_u8(tile) + d * 16 + lane), scale));
    }
  } else {
    const std::uint16_t* scales = as_u16(tile + dim * 16);
    for (std::int64_t d = 0; d < dim; ++d) {
      for (int lane = 0; lane < 16; lane += kWidth) {
        vstore(to + d * 16 + lane, vmul(vload_i8(as_i8(tile) + d * 16 + lane), vload_f16(scales + d / 32 * 16 + lane)));
      }
    }
  }
}

/// `count` K tiles as float32 [count][head_dim][16]: the cache itself when it is float32, else converted into `scratch`.
const float* k_tiles_as_f32(const KvLayout& layout, const std::byte* head, std::int64_t tile, std::int64_t count, float* scratch) {
  if (layout.dtype == tensor::DType::kF32) return as_f32(layout.k_tile(head, tile));
  for (std::int64_t i = 0; i < count; ++i) k_tile_as_f32(layout, layout.k_tile(head, tile + i), scratch + i * layout.head_dim * kKvTile);
  return scratch;
}

/// V of positions [first, last) as float32 rows of padded_dim: the cache itself when it is float32, else converted into `scratch`.
const float* v_rows_as_f32(const KvLayout& layout, const std::byte* head, std::int64_t first, std::int64_t last, float* scratch) {
  const std::int64_t padded = layout.padded_dim;
  if (layout.dtype == tensor::DType::kF32) return as_f32(layout.v_tile(head, 0)) + first * padded;
  for (std::int64_t p = first; p < last; ++p) {
    const std::byte* tile = layout.v_tile(head, p / kKvTile);
    const std::int64_t slot = p % kKvTile;
    float* to = scratch + (p - first) * padded;
    if (layout.dtype == tensor::DType::kBF16) {
      for (std::int64_t d = 0; d < padded; d += kWidth) vstore(to + d, vload_bf16(as_u16(tile) + slot * padded + d));
    } else if (layout.dtype == tensor::DType::kF16) {
      for (std::int64_t d = 0; d < padded; d += kWidth) vstore(to + d, vload_f16(as_u16(tile) + slot * padded + d));
    } else if (layout.dtype == tensor::DType::kFP8) {
      const Vec scale = vset(f8_v_scale(layout, tile, slot));
      for (std::int64_t d = 0; d < padded; d += kWidth) vstore(to + d, vmul(vload_f8(as_u8(tile) + slot * padded + d), scale));
    } else {
      const std::uint16_t* scales = as_u16(tile + 16 * padded) + slot * (padded / 32);
      for (std::int64_t b = 0; b < padded / 32; ++b) {
        const Vec scale = vset_f16(scales[b]);
        for (std::int64_t d = b * 32; d < b * 32 + 32; d += kWidth) vstore(to + d, vmul(vload_i8(as_i8(tile) + slot * padded + d), scale));
      }
    }
  }
  return scratch;
}

/// x, or the largest number of its sign that the cache's type holds. Infinities and NaN stay, so that a broken activation is seen.
QB_INLINE Vec saturate(Vec x, float largest) {
  const Vec clamped = vmin(vset(largest), vmax(vset(-largest), x));
  return vselect_less(vmax(x, vsub(vzero(), x)), vset(__builtin_inff()), clamped, x);
}

constexpr float kLargestF16 = 65504.0F;
constexpr float kLargestBf16 = 0x1.FEp127F;

/// Quantises 32 numbers to int8 with the float16 scale max|x| / 127, as ggml's Q8_0 does. Returns the scale's bits. Numbers beyond 127 times
/// the largest float16 saturate; an infinity or NaN makes the scale, and so the whole block, NaN.
QB_INLINE std::uint16_t quantize_block(const float* x, std::int8_t* to) {
  constexpr float kLargest = 127.0F * kLargestF16;
  constexpr float kSmallest = 1e-30F;  // its scale is far below float16's range, and 127 / x would overflow soon below
  float largest = 0.0F;
  bool finite = true;
  for (int i = 0; i < 32; ++i) {
    const float a = x[i] < 0 ? -x[i] : x[i];
    finite &= a <= 3.402823466e38F;
    largest = a > largest ? a : largest;
  }
  if (!finite) {
    for (int i = 0; i < 32; ++i) to[i] = 0;
    return 0x7e00;  // NaN
  }
  largest = largest < kLargest ? largest : kLargest;
  const float scale = largest / 127.0F;
  const float inverse = largest > kSmallest ? 127.0F / largest : 0.0F;
  for (int i = 0; i < 32; i += kWidth) {
    float rounded[kWidth];
    vstore(rounded, vround(vmul(saturate(vload(x + i), kLargest), vset(inverse))));
    for (int j = 0; j < kWidth; ++j) to[i + j] = static_cast<std::int8_t>(rounded[j]);
  }
  std::uint16_t bits[kWidth];
  vstore_f16(bits, vset(scale));
  return bits[0];
}

void append_q8(const KvLayout& layout, std::byte* k_tile, std::byte* v_tile, std::int64_t slot, const float* k, const float* v) {
  const std::int64_t dim = layout.head_dim;
  auto* k_scales = reinterpret_cast<std::uint16_t*>(k_tile + dim * 16);
  auto* v_scales = reinterpret_cast<std::uint16_t*>(v_tile + 16 * dim) + slot * (dim / 32);
  auto* k_numbers = reinterpret_cast<std::int8_t*>(k_tile);
  auto* v_numbers = reinterpret_cast<std::int8_t*>(v_tile) + slot * dim;
  for (std::int64_t b = 0; b < dim / 32; ++b) {
    std::int8_t block[32];
    k_scales[b * 16 + slot] = quantize_block(k + b * 32, block);
    for (int i = 0; i < 32; ++i) k_numbers[(b * 32 + i) * 16 + slot] = block[i];
    v_scales[b] = quantize_block(v + b * 32, v_numbers + b * 32);
  }
}

/// Rounds n numbers to FP8 with the bfloat16 scale max|x| / 448, number i to to[i * stride]. Returns the scale's bits. An infinity or NaN makes the
/// scale, and so the head's numbers at this position, NaN.
QB_INLINE std::uint16_t round_row_f8(const float* x, std::int64_t n, std::byte* to, std::int64_t stride) {
  constexpr float kSmallest = 1e-30F;  // 448 / x would overflow soon below
  float largest = 0.0F;
  bool finite = true;
  for (std::int64_t i = 0; i < n; ++i) {
    const float a = x[i] < 0 ? -x[i] : x[i];
    finite &= a <= 3.402823466e38F;
    largest = a > largest ? a : largest;
  }
  const bool any = finite && largest > kSmallest;
  const std::uint16_t bits = !finite ? std::uint16_t{0x7fc0} : any ? tensor::bf16_from_f32(largest / tensor::kLargestE4M3) : std::uint16_t{0};
  const float scale = bf16_as_f32(bits);
  for (std::int64_t i = 0; i < n; ++i) {
    const float y = any ? x[i] / scale : 0.0F;
    const float low = y < -tensor::kLargestE4M3 ? -tensor::kLargestE4M3 : y;
    to[i * stride] = static_cast<std::byte>(tensor::e4m3_from_f32(low > tensor::kLargestE4M3 ? tensor::kLargestE4M3 : low));
  }
  return bits;
}

/// Rounds `n` numbers; the last vector may be short.
template <class Store>
QB_INLINE void round_row(const float* x, std::int64_t n, std::uint16_t* to, Store store) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) store(to + i, vload(x + i));
  if (i < n) {
    float padded[kWidth] = {};
    std::uint16_t rounded[kWidth];
    for (std::int64_t j = i; j < n; ++j) padded[j - i] = x[j];
    store(rounded, vload(padded));
    for (std::int64_t j = i; j < n; ++j) to[j] = rounded[j - i];
  }
}

void append_kv(const KvLayout& layout, std::byte* head, std::int64_t position, const float* k, const float* v) {
  const std::int64_t dim = layout.head_dim;
  const std::int64_t slot = position % kKvTile;
  std::byte* k_tile = head + (layout.k_tile(head, position / kKvTile) - head);
  std::byte* v_tile = head + (layout.v_tile(head, position / kKvTile) - head);
  if (layout.dtype == tensor::DType::kQ8_0) {
    append_q8(layout, k_tile, v_tile, slot, k, v);
    return;
  }
  if (layout.dtype == tensor::DType::kFP8) {
    reinterpret_cast<std::uint16_t*>(k_tile + dim * 16)[slot] = round_row_f8(k, dim, k_tile + slot, 16);
    reinterpret_cast<std::uint16_t*>(v_tile + 16 * layout.padded_dim)[slot] = round_row_f8(v, dim, v_tile + slot * layout.padded_dim, 1);
    return;
  }
  if (layout.dtype == tensor::DType::kF32) {
    auto* k_to = reinterpret_cast<float*>(k_tile);
    auto* v_to = reinterpret_cast<float*>(v_tile) + slot * layout.padded_dim;
    for (std::int64_t d = 0; d < dim; ++d) k_to[d * 16 + slot] = k[d];
    for (std::int64_t d = 0; d < dim; ++d) v_to[d] = v[d];
    return;
  }
  const bool bf16 = layout.dtype == tensor::DType::kBF16;
  const auto store = [bf16](std::uint16_t * to, Vec x) __attribute__((always_inline)) {
    bf16 ? vstore_bf16(to, saturate(x, kLargestBf16)) : vstore_f16(to, saturate(x, kLargestF16));
  };
  auto* k_to = reinterpret_cast<std::uint16_t*>(k_tile);
  round_row(v, dim, reinterpret_cast<std::uint16_t*>(v_tile) + slot * layout.padded_dim, store);
  for (std::int64_t d = 0; d < dim; d += 32) {
    std::uint16_t rounded[32];
    const std::int64_t n = dim - d < 32 ? dim - d : 32;
    round_row(k + d, n, rounded, store);
    if (bf16) {
      for (std::int64_t i = 0; i < n; ++i) k_to[((d + i) / 2 * 16 + slot) * 2 + i % 2] = rounded[i];
    } else {
      for (std::int64_t i = 0; i < n; ++i) k_to[(d + i) * 16 + slot] = rounded[i];
    }
  }
}

}  // namespace
}  // namespace qbench::kernels::cpu
