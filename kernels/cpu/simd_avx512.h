#pragma once

// Vectors of 16 floats for the AVX-512 translation units. Everything is internal to the including file: an inline function compiled with
// -mavx512f that the linker shared with the rest of the program would crash processors without it.

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define QB_INLINE inline __attribute__((always_inline))

namespace qbench::kernels::cpu {
namespace {

using Vec = __m512;
constexpr int kWidth = 16;         ///< floats in a Vec
constexpr int kTileRows = 6;       ///< register tile of small_matmul.h: rows,
constexpr int kTilePanels = 4;     ///< and panels of 16 columns (24 accumulators of 32 registers)
constexpr int kAccumulators = 24;  ///< of attention_few_rows.h
constexpr int kWideRows = 8;       ///< rows at once there

QB_INLINE Vec vzero() { return _mm512_setzero_ps(); }
QB_INLINE Vec vset(float x) { return _mm512_set1_ps(x); }
QB_INLINE Vec vload(const float* p) { return _mm512_loadu_ps(p); }
QB_INLINE void vstore(float* p, Vec v) { _mm512_storeu_ps(p, v); }
QB_INLINE Vec vadd(Vec a, Vec b) { return _mm512_add_ps(a, b); }
QB_INLINE Vec vsub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
QB_INLINE Vec vmul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
QB_INLINE Vec vdiv(Vec a, Vec b) { return _mm512_div_ps(a, b); }
QB_INLINE Vec vfma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }    ///< a b + c
QB_INLINE Vec vfnma(Vec a, Vec b, Vec c) { return _mm512_fnmadd_ps(a, b, c); }  ///< c - a b
/// The second operand where either is NaN.
QB_INLINE Vec vmax(Vec a, Vec b) { return _mm512_max_ps(a, b); }
QB_INLINE Vec vmin(Vec a, Vec b) { return _mm512_min_ps(a, b); }
QB_INLINE float vsum(Vec v) { return _mm512_reduce_add_ps(v); }
QB_INLINE float vmax_of(Vec v) { return _mm512_reduce_max_ps(v); }
/// a where x < y, else b.
QB_INLINE Vec vselect_less(Vec x, Vec y, Vec a, Vec b) { return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, y, _CMP_LT_OQ), b, a); }
QB_INLINE Vec vround(Vec v) { return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/// v * 2^n for whole n that keep the result normal.
QB_INLINE Vec vscale2(Vec v, Vec n) {
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(v), _mm512_slli_epi32(_mm512_cvtps_epi32(n), 23)));
}

QB_INLINE Vec vload_bf16(const std::uint16_t* p) {
  const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
QB_INLINE Vec vload_f16(const std::uint16_t* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
QB_INLINE Vec vset_f16(std::uint16_t bits) { return _mm512_cvtph_ps(_mm256_set1_epi16(static_cast<short>(bits))); }
QB_INLINE Vec vload_i8(const std::int8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
/// E4M3 codes over 256: sign, exponent and mantissa where a float16 has them. Not for NaN.
QB_INLINE Vec vload_f8(const std::uint8_t* p) {
  const __m256i bits = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  const __m256i sign = _mm256_slli_epi16(_mm256_and_si256(bits, _mm256_set1_epi16(0x80)), 8);
  const __m256i rest = _mm256_slli_epi16(_mm256_and_si256(bits, _mm256_set1_epi16(0x7f)), 7);
  return _mm512_cvtph_ps(_mm256_or_si256(sign, rest));
}
/// 16 pairs of bfloat16: the first of each pair, the second of each pair.
QB_INLINE void vload_bf16_pairs(const std::uint16_t* p, Vec* first, Vec* second) {
  const __m512i bits = _mm512_loadu_si512(p);
  *first = _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
  *second = _mm512_castsi512_ps(_mm512_and_si512(bits, _mm512_set1_epi32(static_cast<int>(0xffff0000U))));
}

/// Round to nearest even; NaN stays NaN.
QB_INLINE void vstore_bf16(std::uint16_t* p, Vec v) {
  const __m512i bits = _mm512_castps_si512(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
  const __m512i quiet = _mm512_or_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(0x40));
  rounded = _mm512_mask_blend_epi32(_mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), rounded, quiet);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(rounded));
}
QB_INLINE void vstore_f16(std::uint16_t* p, Vec v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

}  // namespace
}  // namespace qbench::kernels::cpu
