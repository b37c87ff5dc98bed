#pragma once

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/kv_layout.h"
#include "kernels/cuda/matvec_rows.cuh"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Eight and four neighbouring numbers of a row of the cache, from number d on.
template <DType kType>
struct KvNumbers;

template <>
struct KvNumbers<DType::kF32> {
  QB_DEVICE static void load8(const unsigned char* plane, const unsigned char*, long long row, int dim, int d, float (&x)[8]) {
    const long long at = row * dim + d;
    const auto* from = reinterpret_cast<const float4*>(plane + 4 * at);
    const float4 a = from[0];
    const float4 b = from[1];
    x[0] = a.x, x[1] = a.y, x[2] = a.z, x[3] = a.w;
    x[4] = b.x, x[5] = b.y, x[6] = b.z, x[7] = b.w;
  }
  QB_DEVICE static float4 load4(const unsigned char* plane, const unsigned char*, long long row, int dim, int d) {
    const long long at = row * dim + d;
    return *reinterpret_cast<const float4*>(plane + 4 * at);
  }
};

template <DType kType>
QB_DEVICE float half_number(unsigned pair, int i) {
  if constexpr (kType == DType::kBF16) return bits_to_float(i == 0 ? pair << 16 : pair & 0xffff0000U);
  return i == 0 ? low_f16(pair) : high_f16(pair);
}

template <DType kType>
struct KvHalves {
  QB_DEVICE static void load8(const unsigned char* plane, const unsigned char*, long long row, int dim, int d, float (&x)[8]) {
    const long long at = row * dim + d;
    const uint4 v = *reinterpret_cast<const uint4*>(plane + 2 * at);
    const unsigned words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int i = 0; i < 8; ++i) x[i] = half_number<kType>(words[i / 2], i % 2);
  }
  QB_DEVICE static float4 load4(const unsigned char* plane, const unsigned char*, long long row, int dim, int d) {
    const long long at = row * dim + d;
    const uint2 v = *reinterpret_cast<const uint2*>(plane + 2 * at);
    return {half_number<kType>(v.x, 0), half_number<kType>(v.x, 1), half_number<kType>(v.y, 0), half_number<kType>(v.y, 1)};
  }
};
template <>
struct KvNumbers<DType::kBF16> : KvHalves<DType::kBF16> {};
template <>
struct KvNumbers<DType::kF16> : KvHalves<DType::kF16> {};

/// Codes of a quantised cache, four to a word, and their scales, which are taken as they lie in memory and unpacked later.
template <class Format>
struct KvCodes {
  QB_DEVICE static void load8(const unsigned char* plane, const unsigned char* scales, long long row, int dim, int d, float (&x)[8]) {
    const uint2 v = *reinterpret_cast<const uint2*>(plane + row * dim + d);
    const float s = Format::scale(Format::scale_bits(scales, row, dim, d));
    const float4 a = Format::unpack(v.x, s);
    const float4 b = Format::unpack(v.y, s);
    x[0] = a.x, x[1] = a.y, x[2] = a.z, x[3] = a.w;
    x[4] = b.x, x[5] = b.y, x[6] = b.z, x[7] = b.w;
  }
  QB_DEVICE static float4 load4(const unsigned char* plane, const unsigned char* scales, long long row, int dim, int d) {
    const unsigned v = *reinterpret_cast<const unsigned*>(plane + row * dim + d);
    return Format::unpack(v, Format::scale(Format::scale_bits(scales, row, dim, d)));
  }
};

/// Blocks of 32 codes with a scale never straddle rows, since head_dim is a multiple of 32.
template <>
struct KvNumbers<DType::kQ8_0> : KvCodes<KvNumbers<DType::kQ8_0>> {
  QB_DEVICE static unsigned short scale_bits(const unsigned char* scales, long long row, int dim, int d) {
    return reinterpret_cast<const unsigned short*>(scales)[(row * dim + d) / 32];
  }
  QB_DEVICE static float scale(unsigned short bits) { return f16_to_float(bits); }
  QB_DEVICE static float code(unsigned word, int i) { return static_cast<float>(static_cast<signed char>((word >> (8 * i)) & 255U)); }
  QB_DEVICE static float4 unpack(unsigned word, float d) {
    return {d * code(word, 0), d * code(word, 1), d * code(word, 2), d * code(word, 3)};
  }
};

template <>
struct KvNumbers<DType::kFP8> : KvCodes<KvNumbers<DType::kFP8>> {
  QB_DEVICE static unsigned short scale_bits(const unsigned char* scales, long long row, int, int) {
    return reinterpret_cast<const unsigned short*>(scales)[row];
  }
  QB_DEVICE static float scale(unsigned short bits) { return bf16_to_float(bits); }
  QB_DEVICE static float4 unpack(unsigned word, float s) {
    const float4 v = e4m3x4_to_floats(word);
    return {s * v.x, s * v.y, s * v.z, s * v.w};
  }
};

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
