#pragma once

// Vectors of 8 floats for the AVX2 translation units (with FMA and F16C). Internal to the including file, see simd_avx512.h.

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define QB_INLINE inline __attribute__((always_inline))

namespace qbench::kernels::cpu {
namespace {

using Vec = __m256;
constexpr int kWidth = 8;
constexpr int kTileRows = 6;  ///< 12 accumulators of 16 registers
constexpr int kTilePanels = 1;
constexpr int kAccumulators = 12;
constexpr int kWideRows = 6;

QB_INLINE Vec vzero() { return _mm256_setzero_ps(); }
QB_INLINE Vec vset(float x) { return _mm256_set1_ps(x); }
QB_INLINE Vec vload(const float* p) { return _mm256_loadu_ps(p); }
QB_INLINE void vstore(float* p, Vec v) { _mm256_storeu_ps(p, v); }
QB_INLINE Vec vadd(Vec a, Vec b) { return _mm256_add_ps(a, b); }
QB_INLINE Vec vsub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
QB_INLINE Vec vmul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
QB_INLINE Vec vdiv(Vec a, Vec b) { return _mm256_div_ps(a, b); }
QB_INLINE Vec vfma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
QB_INLINE Vec vfnma(Vec a, Vec b, Vec c) { return _mm256_fnmadd_ps(a, b, c); }
QB_INLINE Vec vmax(Vec a, Vec b) { return _mm256_max_ps(a, b); }
QB_INLINE Vec vmin(Vec a, Vec b) { return _mm256_min_ps(a, b); }
QB_INLINE float vsum(Vec v) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}
QB_INLINE float vmax_of(Vec v) {
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}
QB_INLINE Vec vselect_less(Vec x, Vec y, Vec a, Vec b) { return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, y, _CMP_LT_OQ)); }
QB_INLINE Vec vround(Vec v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
QB_INLINE Vec vscale2(Vec v, Vec n) {
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(v), _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23)));
}

QB_INLINE Vec vload_bf16(const std::uint16_t* p) {
  const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
QB_INLINE Vec vload_f16(const std::uint16_t* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
QB_INLINE Vec vset_f16(std::uint16_t bits) { return _mm256_cvtph_ps(_mm_set1_epi16(static_cast<short>(bits))); }
QB_INLINE Vec vload_i8(const std::int8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
/// E4M3 codes over 256: sign, exponent and mantissa where a float16 has them. Not for NaN.
QB_INLINE Vec vload_f8(const std::uint8_t* p) {
  const __m128i bits = _mm_cvtepu8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  const __m128i sign = _mm_slli_epi16(_mm_and_si128(bits, _mm_set1_epi16(0x80)), 8);
  const __m128i rest = _mm_slli_epi16(_mm_and_si128(bits, _mm_set1_epi16(0x7f)), 7);
  return _mm256_cvtph_ps(_mm_or_si128(sign, rest));
}
QB_INLINE void vload_bf16_pairs(const std::uint16_t* p, Vec* first, Vec* second) {
  const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  *first = _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
  *second = _mm256_castsi256_ps(_mm256_and_si256(bits, _mm256_set1_epi32(static_cast<int>(0xffff0000U))));
}

QB_INLINE void vstore_bf16(std::uint16_t* p, Vec v) {
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i high = _mm256_srli_epi32(bits, 16);
  const __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
  __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
  const __m256i quiet = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
  rounded = _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)));
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(rounded, rounded), 0x08);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(packed));
}
QB_INLINE void vstore_f16(std::uint16_t* p, Vec v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

}  // namespace
}  // namespace qbench::kernels::cpu
