#pragma once

// Vectors of 4 floats in the compiler's portable vector extension, for the translation units that run on any processor. Internal to the
// including file, see simd_avx512.h.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tensor/convert.h"

#define QB_INLINE inline __attribute__((always_inline))

namespace qbench::kernels::cpu {
namespace {

typedef float Vec __attribute__((vector_size(16)));
typedef std::int32_t IntVec __attribute__((vector_size(16)));
typedef std::uint32_t BitsVec __attribute__((vector_size(16)));
constexpr int kWidth = 4;
constexpr int kTileRows = 2;  ///< 8 accumulators of 16 registers
constexpr int kTilePanels = 1;
constexpr int kAccumulators = 8;
constexpr int kWideRows = 2;

QB_INLINE Vec vset(float x) { return Vec{x, x, x, x}; }
QB_INLINE Vec vzero() { return vset(0.0F); }
QB_INLINE Vec vload(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
QB_INLINE void vstore(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
QB_INLINE Vec vadd(Vec a, Vec b) { return a + b; }
QB_INLINE Vec vsub(Vec a, Vec b) { return a - b; }
QB_INLINE Vec vmul(Vec a, Vec b) { return a * b; }
QB_INLINE Vec vdiv(Vec a, Vec b) { return a / b; }
QB_INLINE Vec vfma(Vec a, Vec b, Vec c) { return a * b + c; }
QB_INLINE Vec vfnma(Vec a, Vec b, Vec c) { return c - a * b; }
QB_INLINE Vec vmax(Vec a, Vec b) { return a > b ? a : b; }
QB_INLINE Vec vmin(Vec a, Vec b) { return a < b ? a : b; }
QB_INLINE float vsum(Vec v) { return (v[0] + v[2]) + (v[1] + v[3]); }
QB_INLINE float vmax_of(Vec v) {
  const float a = v[0] > v[2] ? v[0] : v[2];
  const float b = v[1] > v[3] ? v[1] : v[3];
  return a > b ? a : b;
}
QB_INLINE Vec vselect_less(Vec x, Vec y, Vec a, Vec b) { return x < y ? a : b; }
/// Round to nearest even for |v| < 2^22, which is all that exp needs.
QB_INLINE Vec vround(Vec v) {
  const Vec magic = vset(12582912.0F);  // 1.5 * 2^23: below it float32 has no fraction bits
  return (v + magic) - magic;
}
QB_INLINE Vec vscale2(Vec v, Vec n) {
  BitsVec bits;
  std::memcpy(&bits, &v, sizeof bits);
  bits += reinterpret_cast<BitsVec>(__builtin_convertvector(n, IntVec)) << 23;
  Vec result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

QB_INLINE Vec vload_bf16(const std::uint16_t* p) {
  Vec v;
  for (int i = 0; i < kWidth; ++i) v[i] = tensor::f32_from_bf16(p[i]);
  return v;
}
QB_INLINE Vec vload_f16(const std::uint16_t* p) {
  Vec v;
  for (int i = 0; i < kWidth; ++i) v[i] = tensor::f32_from_f16(p[i]);
  return v;
}
QB_INLINE Vec vset_f16(std::uint16_t bits) { return vset(tensor::f32_from_f16(bits)); }
/// E4M3 codes over 256, as the vector variants read them.
QB_INLINE Vec vload_f8(const std::uint8_t* p) {
  Vec v;
  for (int i = 0; i < kWidth; ++i) v[i] = tensor::f32_from_e4m3(p[i]) / 256.0F;
  return v;
}
QB_INLINE Vec vload_i8(const std::int8_t* p) {
  Vec v;
  for (int i = 0; i < kWidth; ++i) v[i] = static_cast<float>(p[i]);
  return v;
}
QB_INLINE void vload_bf16_pairs(const std::uint16_t* p, Vec* first, Vec* second) {
  for (int i = 0; i < kWidth; ++i) {
    (*first)[i] = tensor::f32_from_bf16(p[2 * i]);
    (*second)[i] = tensor::f32_from_bf16(p[2 * i + 1]);
  }
}
QB_INLINE void vstore_bf16(std::uint16_t* p, Vec v) {
  for (int i = 0; i < kWidth; ++i) p[i] = tensor::bf16_from_f32(v[i]);
}
QB_INLINE void vstore_f16(std::uint16_t* p, Vec v) {
  for (int i = 0; i < kWidth; ++i) p[i] = tensor::f16_from_f32(v[i]);
}

}  // namespace
}  // namespace qbench::kernels::cpu
