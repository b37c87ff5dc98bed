#pragma once

#include "kernels/cuda/matvec_rows.cuh"

/// The part that the tensor-core products share: tiles of 64 columns in shared memory, 16-bit numbers, rows padded by 16 bytes so that
/// ldmatrix reads all banks.
namespace qbench::kernels::QB_CUDA_NAMESPACE {

constexpr int kTileCols = 64;
constexpr int kTileStride = kTileCols + 8;  // numbers
constexpr int kTileUnits = kTileCols / 8;   // of 16 bytes

template <bool kF16>
QB_DEVICE void mma_half_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  if constexpr (kF16) {
    mma_f16_16x8x16(d, a, b);
  } else {
    mma_bf16_16x8x16(d, a, b);
  }
}

QB_DEVICE unsigned decoded_pair(const Codes& c, int i) {
  const unsigned word = static_cast<unsigned>(c.v[i / 4]) >> (8 * (i % 4));
  const float scale = i < 16 ? c.low : c.high;
  return pack2_bf16(scale * static_cast<float>(static_cast<signed char>(word & 255U)) + c.bias,
                    scale * static_cast<float>(static_cast<signed char>((word >> 8) & 255U)) + c.bias);
}

/// 32 codes as BF16, 64 bytes at a 16-byte boundary.
QB_DEVICE void write_codes(const Codes& c, unsigned short* to) {
#pragma unroll
  for (int i = 0; i < 32; i += 8)
    *reinterpret_cast<uint4*>(to + i) = uint4{decoded_pair(c, i), decoded_pair(c, i + 2), decoded_pair(c, i + 4), decoded_pair(c, i + 6)};
}

/// How a tile takes 32 numbers of a decoded type: loaded with all their scales, later written as BF16.
template <DType kType>
struct TileFormat {
  using Raw = typename Format<kType>::Raw;
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int unit) { return Format<kType>::load(row, m, unit); }
  QB_DEVICE static void write(const Raw& raw, int unit, unsigned short* to) {
    Codes c;
    Format<kType>::decode(raw, unit, c);
    write_codes(c, to);
  }
};

template <>
struct TileFormat<DType::kInt8> {
  using F = Format<DType::kInt8>;
  struct Raw {
    F::Raw codes;
    float scale;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int unit) {
    return {F::load(row, m, unit), row_scale<DType::kInt8>(row, m)};
  }
  QB_DEVICE static void write(const Raw& raw, int unit, unsigned short* to) {
    Codes c;
    F::decode(raw.codes, unit, c);
    c.low = c.high = raw.scale;
    write_codes(c, to);
  }
};

template <DType kType>
struct Fp8Tile {
  using F = Format<kType>;
  struct Raw {
    uint4 q[2];
    float scale;
  };
  QB_DEVICE static Raw load(const unsigned char* row, const WeightRows& m, int unit) {
    const typename F::Raw first = F::load(row, m, 2 * unit);  // a scale serves both halves of an aligned 32
    return {{first.q, load_weights128(row + 32 * unit + 16)}, row_scale<kType>(row, m) * F::scale(first)};
  }
  QB_DEVICE static void write(const Raw& raw, int, unsigned short* to) {
    const float s = raw.scale;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float4 w[4];
      F::unpack(raw.q[half], w);
#pragma unroll
      for (int i = 0; i < 4; i += 2) {
        *reinterpret_cast<uint4*>(to + 16 * half + 4 * i) =
            uint4{pack2_bf16(s * w[i].x, s * w[i].y), pack2_bf16(s * w[i].z, s * w[i].w), pack2_bf16(s * w[i + 1].x, s * w[i + 1].y),
                  pack2_bf16(s * w[i + 1].z, s * w[i + 1].w)};
      }
    }
  }
};
template <>
struct TileFormat<DType::kFP8> : Fp8Tile<DType::kFP8> {};
template <>
struct TileFormat<DType::kFP8Block> : Fp8Tile<DType::kFP8Block> {};

template <DType kType>
QB_DEVICE void decode_unit(const WeightRows& m, const unsigned char* row, int unit, unsigned short* to) {
  TileFormat<kType>::write(TileFormat<kType>::load(row, m, unit), unit, to);
}

/// As decode_unit, for whichever decoded type the matrix is of.
QB_DEVICE void decode_any_unit(const WeightRows& m, const unsigned char* row, int unit, unsigned short* to) {
  switch (m.dtype) {
    case DType::kQ4_0:
      return decode_unit<DType::kQ4_0>(m, row, unit, to);
    case DType::kQ4_1:
      return decode_unit<DType::kQ4_1>(m, row, unit, to);
    case DType::kQ5_0:
      return decode_unit<DType::kQ5_0>(m, row, unit, to);
    case DType::kQ5_1:
      return decode_unit<DType::kQ5_1>(m, row, unit, to);
    case DType::kQ8_0:
      return decode_unit<DType::kQ8_0>(m, row, unit, to);
    case DType::kQ4_K:
      return decode_unit<DType::kQ4_K>(m, row, unit, to);
    case DType::kQ5_K:
      return decode_unit<DType::kQ5_K>(m, row, unit, to);
    case DType::kQ6_K:
      return decode_unit<DType::kQ6_K>(m, row, unit, to);
    case DType::kInt8:
      return decode_unit<DType::kInt8>(m, row, unit, to);
    case DType::kFP8:
      return decode_unit<DType::kFP8>(m, row, unit, to);
    case DType::kFP8Block:
      return decode_unit<DType::kFP8Block>(m, row, unit, to);
    case DType::kInt4:
      return decode_unit<DType::kInt4>(m, row, unit, to);
    default:
      return decode_unit<DType::kIQ4_NL>(m, row, unit, to);
  }
}

QB_DEVICE void write_zero_unit(unsigned short* to) {
#pragma unroll
  for (int i = 0; i < 32; i += 8) *reinterpret_cast<uint4*>(to + i) = uint4{0, 0, 0, 0};
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
