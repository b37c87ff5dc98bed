#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/cpu/matmul_layout.h"

/// The vector operations of the matrix kernels with AVX-512 F, BW, DQ, VL (and VNNI): 16 lanes. Meaning: matmul_vector_scalar.h.
namespace qbench::kernels::cpu {
namespace {

template <bool kVnni>
struct VectorAvx512 {
  static constexpr int kLanes = 16;
  // 32 registers. Floats: 24 sums, 2 weights, 1 input. Quantised with VNNI: 12 integer and 12 float sums, 2 weights, 1 input; without, a
  // third set of sums.
  static constexpr int kFloatRegs = 2, kFloatTokens = 12, kPairTokens = 12, kFloatRegsOneToken = 4;
  static constexpr int kQuantRegs = 2, kQuantTokens = kVnni ? 6 : 4;
  // EPYC 9004 (Zen 4), 2 cores, 2026-11-21, GEMV from memory with 1, 2, 4, 8 tiles: Q4_0 36.0, 35.1, 36.7, 24.7 GB/s; Q5_0 28.5, 32.5, 35.3,
  // 25.7; Q6_K 25.8, 31.0, 33.4, 23.3. Software prefetch on top of four tiles loses 5 to 15 percent.
  static constexpr int tiles_one_token(const QuantFormat&) { return 4; }

  using Float = __m512;
  using Int = __m512i;

  static Float zero() { return _mm512_setzero_ps(); }
  static Float load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Float a) { _mm512_storeu_ps(p, a); }
  static __mmask16 first_mask(std::int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }
  static void store_first(float* p, Float a, std::int64_t n) { _mm512_mask_storeu_ps(p, first_mask(n), a); }
  static Float load_first(const float* p, std::int64_t n) { return _mm512_maskz_loadu_ps(first_mask(n), p); }
  static Float broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float negate(Float a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.0f)); }
  static Float fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }

  static Float load_f16(const std::uint8_t* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static __m128i load16(const std::uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
  static Float load_u8(const std::uint8_t* p) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load16(p))); }
  static Float load_i8(const std::uint8_t* p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load16(p))); }
  static Float load_u4_low(const std::uint8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_and_si512(_mm512_cvtepu8_epi32(load16(p)), _mm512_set1_epi32(15)));
  }
  static Float load_u4_high(const std::uint8_t* p) { return _mm512_cvtepi32_ps(_mm512_srli_epi32(_mm512_cvtepu8_epi32(load16(p)), 4)); }

  static Int load_bytes(const std::uint8_t* p) { return _mm512_loadu_si512(p); }
  /// Stays in a register: the compiler would rather read memory again for every use, and loads are what a GEMV has least of.
  static Int keep(Int a) {
    __asm__("" : "+v"(a));
    return a;
  }
  static void store_bytes(std::uint8_t* p, Int a) { _mm512_storeu_si512(p, a); }
  static Int set_bytes(int x) { return _mm512_set1_epi8(static_cast<char>(x)); }
  static Int bit_and(Int a, Int b) { return _mm512_and_si512(a, b); }
  static Int bit_or(Int a, Int b) { return _mm512_or_si512(a, b); }
  template <int kLeft>
  static Int shift(Int a) {
    if constexpr (kLeft > 0) return _mm512_slli_epi16(a, kLeft);
    if constexpr (kLeft < 0) return _mm512_srli_epi16(a, -kLeft);
    return a;
  }
  static Int iq4_lookup(Int a) {
    const __m128i table = _mm_setr_epi8(1, 24, 45, 63, 79, 93, 106, 118, static_cast<char>(129), static_cast<char>(141), static_cast<char>(153),
                                        static_cast<char>(166), static_cast<char>(181), static_cast<char>(197), static_cast<char>(217),
                                        static_cast<char>(241));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), a);
  }
  static Float bf16_even(Int a) { return _mm512_castsi512_ps(_mm512_slli_epi32(a, 16)); }
  static Float bf16_odd(Int a) { return _mm512_castsi512_ps(_mm512_and_si512(a, _mm512_set1_epi32(static_cast<int>(0xffff0000u)))); }

  using Sum = __m512i;
  using Partial = __m512i;
  static Int broadcast4(const std::int8_t* p) {
    int word;
    __builtin_memcpy(&word, p, 4);
    return _mm512_set1_epi32(word);
  }
  template <int kShift>
  static Sum start(const std::int32_t* minus_sum) {
    if constexpr (!kVnni && kShift == 7) return _mm512_setzero_si512();  // `dot` takes the offset of 8-bit numbers away itself
    return _mm512_slli_epi32(_mm512_set1_epi32(*minus_sum), kShift);
  }
  static Sum start_zero() { return _mm512_setzero_si512(); }
  static Sum add(Sum a, Sum b) { return _mm512_add_epi32(a, b); }
  static Float to_float(Sum a) { return _mm512_cvtepi32_ps(a); }

  /// Without VNNI as in matmul_vector_avx2.h.
  template <int kBits, int g>
  static void dot(Sum& sum, Partial& partial, Int w, Int x) {
    if constexpr (kVnni) {
#ifdef __AVX512VNNI__
      sum = _mm512_dpbusd_epi32(sum, w, x);
#endif
    } else {
      constexpr int kSpan = kBits <= 5 ? 4 : kBits == 6 ? 2 : 1;
      Int products;
      if constexpr (kBits == 8) {
        const Int signed_w = _mm512_xor_si512(w, _mm512_set1_epi8(static_cast<char>(0x80)));
        const Int signed_x = _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(signed_w), _mm512_setzero_si512(), x);
        products = _mm512_maddubs_epi16(_mm512_abs_epi8(signed_w), signed_x);
      } else {
        products = _mm512_maddubs_epi16(w, x);
      }
      partial = g % kSpan == 0 ? products : _mm512_add_epi16(partial, products);
      if constexpr (g % kSpan == kSpan - 1) sum = _mm512_add_epi32(sum, _mm512_madd_epi16(partial, _mm512_set1_epi16(1)));
    }
  }

  static float largest(const float* x) {
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    const __m512i most = _mm512_max_epu32(_mm512_and_si512(_mm512_loadu_si512(x), magnitude), _mm512_and_si512(_mm512_loadu_si512(x + 16), magnitude));
    return _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(static_cast<int>(_mm512_reduce_max_epu32(most)))));
  }
  static void quantize(const float* x, float inverse, std::int8_t* q, std::int32_t* half_sums) {
    const __m512 factor = _mm512_set1_ps(inverse);
    for (int half = 0; half < 2; ++half) {
      const __m512 scaled = _mm512_mul_ps(_mm512_loadu_ps(x + 16 * half), factor);
      const __m512i value = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(scaled, _mm512_set1_ps(-127.0f)), _mm512_set1_ps(127.0f)));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(q + 16 * half), _mm512_cvtepi32_epi8(value));
      half_sums[half] = _mm512_reduce_add_epi32(value);
    }
  }
};

}  // namespace
}  // namespace qbench::kernels::cpu
