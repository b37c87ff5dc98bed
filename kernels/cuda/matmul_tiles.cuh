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

/// A unit of 32 numbers as BF16, 64 bytes at a 16-byte boundary.
template <DType kType>
QB_DEVICE void write_unit(const typename Format<kType>::Raw& raw, int unit, unsigned short* to) {
  Codes c;
  Format<kType>::decode(raw, unit, c);
#pragma unroll
  for (int i = 0; i < 32; i += 8)
    *reinterpret_cast<uint4*>(to + i) = uint4{decoded_pair(c, i), decoded_pair(c, i + 2), decoded_pair(c, i + 4), decoded_pair(c, i + 6)};
}

template <DType kType>
QB_DEVICE void decode_unit(const WeightRows& m, const unsigned char* row, int unit, unsigned short* to) {
  write_unit<kType>(Format<kType>::load(row, m, unit), unit, to);
}

/// As decode_unit, for whichever quantised type the matrix is of.
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
    default:
      return decode_unit<DType::kIQ4_NL>(m, row, unit, to);
  }
}

QB_DEVICE void write_zero_unit(unsigned short* to) {
#pragma unroll
  for (int i = 0; i < 32; i += 8) *reinterpret_cast<uint4*>(to + i) = uint4{0, 0, 0, 0};
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
