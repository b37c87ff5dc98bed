#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/cpu/matmul_layout.h"

/// The vector operations of the matrix kernels with AVX2, FMA and F16C (and AVX-VNNI): 8 lanes. Meaning: matmul_vector_scalar.h.
namespace qbench::kernels::cpu {
namespace {

template <bool kVnni>
struct VectorAvx2 {
  static constexpr int kLanes = 8;
  // 16 registers. Floats: 12 sums (8 where a step gives two columns of weights), 2 or 4 weights, 1 input. Quantised: 6 integer and 6 float
  // sums, 2 weights, 1 input. EPYC 9004 (Zen 4), one core, 2026-11-21, 128 tokens: 2, 3, 4 tokens give 185, 203, 203 GFLOP/s with Q4 and Q5.
  static constexpr int kFloatRegs = 2, kFloatTokens = 6, kPairTokens = 4, kFloatRegsOneToken = 8;
  static constexpr int kQuantRegs = 2, kQuantTokens = 3;
  // Same machine, GEMV from memory with one and two tiles: Q8_0 18.7 and 23.8 GB/s, Q6_K 16.9 and 18.7, but Q4_0 21.3 and 16.7.
  static constexpr int tiles_one_token(const QuantFormat& format) { return format.bits >= 6 && !format.lookup ? 2 : 1; }

  using Float = __m256;
  using Int = __m256i;

  static Float zero() { return _mm256_setzero_ps(); }
  static Float load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Float a) { _mm256_storeu_ps(p, a); }
  static __m256i first_mask(std::int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static void store_first(float* p, Float a, std::int64_t n) { _mm256_maskstore_ps(p, first_mask(n), a); }
  static Float load_first(const float* p, std::int64_t n) { return _mm256_maskload_ps(p, first_mask(n)); }
  static Float broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static Float add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static Float mul(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float negate(Float a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }
  static Float fma(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }

  static Float load_f16(const std::uint8_t* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static __m128i load8(const std::uint8_t* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }
  static Float load_u8(const std::uint8_t* p) { return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(load8(p))); }
  static Float load_i8(const std::uint8_t* p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(load8(p))); }
  static Float load_u4_low(const std::uint8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_cvtepu8_epi32(load8(p)), _mm256_set1_epi32(15)));
  }
  static Float load_u4_high(const std::uint8_t* p) { return _mm256_cvtepi32_ps(_mm256_srli_epi32(_mm256_cvtepu8_epi32(load8(p)), 4)); }

  static Int load_bytes(const std::uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  /// Stays in a register: the compiler would rather read memory again for every use, and loads are what a GEMV has least of.
  static Int keep(Int a) {
    __asm__("" : "+x"(a));
    return a;
  }
  static void store_bytes(std::uint8_t* p, Int a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a); }
  static Int set_bytes(int x) { return _mm256_set1_epi8(static_cast<char>(x)); }
  static Int bit_and(Int a, Int b) { return _mm256_and_si256(a, b); }
  static Int bit_or(Int a, Int b) { return _mm256_or_si256(a, b); }
  template <int kLeft>
  static Int shift(Int a) {
    if constexpr (kLeft > 0) return _mm256_slli_epi16(a, kLeft);
    if constexpr (kLeft < 0) return _mm256_srli_epi16(a, -kLeft);
    return a;
  }
  static Int iq4_lookup(Int a) {
    const __m128i table = _mm_setr_epi8(1, 24, 45, 63, 79, 93, 106, 118, static_cast<char>(129), static_cast<char>(141), static_cast<char>(153),
                                        static_cast<char>(166), static_cast<char>(181), static_cast<char>(197), static_cast<char>(217),
                                        static_cast<char>(241));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), a);
  }
  static Float bf16_even(Int a) { return _mm256_castsi256_ps(_mm256_slli_epi32(a, 16)); }
  static Float bf16_odd(Int a) { return _mm256_castsi256_ps(_mm256_and_si256(a, _mm256_set1_epi32(static_cast<int>(0xffff0000u)))); }

  using Sum = __m256i;
  using Partial = __m256i;
  static Int broadcast4(const std::int8_t* p) {
    int word;
    __builtin_memcpy(&word, p, 4);
    return _mm256_set1_epi32(word);
  }
  template <int kShift>
  static Sum start(const std::int32_t* minus_sum) {
    if constexpr (!kVnni && kShift == 7) return _mm256_setzero_si256();  // `dot` takes the offset of 8-bit numbers away itself
    return _mm256_slli_epi32(_mm256_set1_epi32(*minus_sum), kShift);
  }
  static Sum start_zero() { return _mm256_setzero_si256(); }
  static Sum add(Sum a, Sum b) { return _mm256_add_epi32(a, b); }
  static Float to_float(Sum a) { return _mm256_cvtepi32_ps(a); }

  /// Without VNNI, pairs of products are added in 16 bits, as many as cannot overflow with |x| <= 127: 2 * 31 * 127 = 7874 four times, 2 * 63 *
  /// 127 = 16002 twice, and 8-bit numbers, taken as |w| times x with w's sign (|w| <= 128: 32512), once.
  template <int kBits, int g>
  static void dot(Sum& sum, Partial& partial, Int w, Int x) {
    if constexpr (kVnni) {
#ifdef __AVXVNNI__
      sum = _mm256_dpbusd_avx_epi32(sum, w, x);
#endif
    } else {
      constexpr int kSpan = kBits <= 5 ? 4 : kBits == 6 ? 2 : 1;
      Int products;
      if constexpr (kBits == 8) {
        const Int signed_w = _mm256_xor_si256(w, _mm256_set1_epi8(static_cast<char>(0x80)));
        products = _mm256_maddubs_epi16(_mm256_abs_epi8(signed_w), _mm256_sign_epi8(x, signed_w));
      } else {
        products = _mm256_maddubs_epi16(w, x);
      }
      partial = g % kSpan == 0 ? products : _mm256_add_epi16(partial, products);
      if constexpr (g % kSpan == kSpan - 1) sum = _mm256_add_epi32(sum, _mm256_madd_epi16(partial, _mm256_set1_epi16(1)));
    }
  }

  static float largest(const float* x) {
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    const __m256i* from = reinterpret_cast<const __m256i*>(x);
    __m256i most = _mm256_and_si256(_mm256_loadu_si256(from), magnitude);
    for (int i = 1; i < 4; ++i) most = _mm256_max_epu32(most, _mm256_and_si256(_mm256_loadu_si256(from + i), magnitude));
    __m128i four = _mm_max_epu32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
    four = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0x4e));
    four = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(four));
  }
  static void quantize(const float* x, float inverse, std::int8_t* q, std::int32_t* half_sums) {
    const __m256 factor = _mm256_set1_ps(inverse);
    for (int half = 0; half < 2; ++half) {
      __m256i value[2];
      for (int i = 0; i < 2; ++i) {
        const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(x + 16 * half + 8 * i), factor);
        value[i] = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(scaled, _mm256_set1_ps(-127.0f)), _mm256_set1_ps(127.0f)));
      }
      const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(value[0], value[1]), 0xd8);
      const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(q + 16 * half), bytes);
      const __m256i total = _mm256_add_epi32(value[0], value[1]);
      __m128i four = _mm_add_epi32(_mm256_castsi256_si128(total), _mm256_extracti128_si256(total, 1));
      four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
      four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1));
      half_sums[half] = _mm_cvtsi128_si32(four);
    }
  }
};

}  // namespace
}  // namespace qbench::kernels::cpu
