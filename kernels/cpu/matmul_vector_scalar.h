#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/cpu/matmul_layout.h"

/// The vector operations of the matrix kernels in portable C++: 16 lanes as plain arrays. It also defines what the operations mean.
namespace qbench::kernels::cpu {
namespace {

struct VectorScalar {
  static constexpr int kLanes = 16;
  // Register tiles, rows in vectors by tokens: float weights one column or a pair of columns at a time, or with one token; quantised weights.
  static constexpr int kFloatRegs = 1, kFloatTokens = 4, kPairTokens = 4, kFloatRegsOneToken = 1;
  static constexpr int kQuantRegs = 1, kQuantTokens = 4;
  static constexpr int tiles_one_token(const QuantFormat&) { return 1; }

  struct Float { float v[16]; };
  struct Int { std::uint8_t v[64]; };  // 16 lanes of 4 bytes

  static Float zero() { return {}; }
  static Float load(const float* p) { Float r; std::memcpy(r.v, p, 64); return r; }
  static void store(float* p, Float a) { std::memcpy(p, a.v, 64); }
  static void store_first(float* p, Float a, std::int64_t n) { std::memcpy(p, a.v, static_cast<std::size_t>(n) * 4); }
  static Float load_first(const float* p, std::int64_t n) { Float r{}; std::memcpy(r.v, p, static_cast<std::size_t>(n) * 4); return r; }
  static Float broadcast(const float* p) { Float r; for (float& x : r.v) x = *p; return r; }
  static Float add(Float a, Float b) { for (int i = 0; i < 16; ++i) a.v[i] += b.v[i]; return a; }
  static Float mul(Float a, Float b) { for (int i = 0; i < 16; ++i) a.v[i] *= b.v[i]; return a; }
  static Float negate(Float a) { for (float& x : a.v) x = -x; return a; }
  static Float fma(Float a, Float b, Float c) { for (int i = 0; i < 16; ++i) c.v[i] += a.v[i] * b.v[i]; return c; }  // rounds twice

  static float half(std::uint16_t bits) {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16, magnitude = bits & 0x7fffu;
    std::uint32_t word = (magnitude << 13) + (112u << 23) + (magnitude >= 0x7c00u ? 112u << 23 : 0u);
    if (magnitude < 0x0400u) {
      const float subnormal = static_cast<float>(magnitude) * 0x1p-24f;
      std::memcpy(&word, &subnormal, 4);
    }
    word |= sign;
    float value;
    std::memcpy(&value, &word, 4);
    return value;
  }
  static Float load_f16(const std::uint8_t* p) {
    Float r;
    for (int i = 0; i < 16; ++i) {
      std::uint16_t bits;
      std::memcpy(&bits, p + 2 * i, 2);
      r.v[i] = half(bits);
    }
    return r;
  }
  static Float load_u8(const std::uint8_t* p) { Float r; for (int i = 0; i < 16; ++i) r.v[i] = static_cast<float>(p[i]); return r; }
  static Float load_i8(const std::uint8_t* p) { Float r; for (int i = 0; i < 16; ++i) r.v[i] = static_cast<float>(static_cast<std::int8_t>(p[i])); return r; }
  static Float load_u4_low(const std::uint8_t* p) { Float r; for (int i = 0; i < 16; ++i) r.v[i] = static_cast<float>(p[i] & 15); return r; }
  static Float load_u4_high(const std::uint8_t* p) { Float r; for (int i = 0; i < 16; ++i) r.v[i] = static_cast<float>(p[i] >> 4); return r; }

  static Int load_bytes(const std::uint8_t* p) { Int r; std::memcpy(r.v, p, 64); return r; }
  static Int keep(Int a) { return a; }
  static void store_bytes(std::uint8_t* p, Int a) { std::memcpy(p, a.v, 64); }
  static Int set_bytes(int x) { Int r; std::memset(r.v, x, 64); return r; }
  static Int bit_and(Int a, Int b) { for (int i = 0; i < 64; ++i) a.v[i] = static_cast<std::uint8_t>(a.v[i] & b.v[i]); return a; }
  static Int bit_or(Int a, Int b) { for (int i = 0; i < 64; ++i) a.v[i] = static_cast<std::uint8_t>(a.v[i] | b.v[i]); return a; }
  /// Bits move left, or right where kLeft is negative. The other sets shift 16-bit lanes, so callers mask what crossed a byte.
  template <int kLeft>
  static Int shift(Int a) {
    for (std::uint8_t& x : a.v) x = static_cast<std::uint8_t>(kLeft >= 0 ? x << (kLeft >= 0 ? kLeft : 0) : x >> (kLeft < 0 ? -kLeft : 0));
    return a;
  }
  static Int iq4_lookup(Int a) {
    constexpr std::uint8_t kTable[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};
    for (std::uint8_t& x : a.v) x = kTable[x & 15];
    return a;
  }
  // Even and odd columns of a [16 rows][2] BF16 vector.
  static Float bf16_even(Int a) { return bf16_column(a, 0); }
  static Float bf16_odd(Int a) { return bf16_column(a, 2); }
  static Float bf16_column(Int a, int at) {
    Float r;
    for (int i = 0; i < 16; ++i) {
      std::uint16_t bits;
      std::memcpy(&bits, a.v + 4 * i + at, 2);
      const std::uint32_t word = static_cast<std::uint32_t>(bits) << 16;
      std::memcpy(&r.v[i], &word, 4);
    }
    return r;
  }

  struct Sum { std::int32_t v[16]; };
  struct Partial {};
  static Int broadcast4(const std::int8_t* p) { Int r; for (int i = 0; i < 16; ++i) std::memcpy(r.v + 4 * i, p, 4); return r; }
  /// minus_sum * 2^kShift in every lane: what an offset of 2^kShift in unsigned weights adds to the sum, taken away in advance.
  template <int kShift> static Sum start(const std::int32_t* minus_sum) { Sum r; for (std::int32_t& x : r.v) x = *minus_sum * (1 << kShift); return r; }
  static Sum start_zero() { return {}; }
  static Sum add(Sum a, Sum b) { for (int i = 0; i < 16; ++i) a.v[i] += b.v[i]; return a; }
  static Float to_float(Sum a) { Float r; for (int i = 0; i < 16; ++i) r.v[i] = static_cast<float>(a.v[i]); return r; }
  /// sum += the four products of each lane: unsigned w of kBits significant bits times signed x. g: 0..3 in the half block, called in that
  /// order; sets that keep 16-bit partial sums have them in `sum` after g = 3.
  template <int kBits, int g> static void dot(Sum& sum, Partial&, Int w, Int x) {
    for (int i = 0; i < 16; ++i) {
      for (int k = 0; k < 4; ++k) sum.v[i] += w.v[4 * i + k] * static_cast<std::int8_t>(x.v[4 * i + k]);
    }
  }

  /// The largest |x| (NaN where one is) and, with the factor that quantise_scale derives from it, q and its half sums.
  static float largest(const float* x) {
    std::uint32_t most = 0;
    for (int i = 0; i < 32; ++i) {
      std::uint32_t bits;
      std::memcpy(&bits, x + i, 4);
      bits &= 0x7fffffffu;
      most = bits > most ? bits : most;  // ordered like the magnitudes, NaN above all
    }
    float value;
    std::memcpy(&value, &most, 4);
    return value;
  }
  static void quantize(const float* x, float inverse, std::int8_t* q, std::int32_t* half_sums) {
    half_sums[0] = half_sums[1] = 0;
    for (int i = 0; i < 32; ++i) {
      float scaled = x[i] * inverse;
      scaled = scaled > -127.0f ? scaled : -127.0f;  // NaN as well
      scaled = scaled < 127.0f ? scaled : 127.0f;
      const float shifted = scaled + 12582912.0f;  // 1.5 2^23: rounds to nearest even, as the vector conversions do
      const int value = static_cast<int>(shifted - 12582912.0f);
      q[i] = static_cast<std::int8_t>(value);
      half_sums[i / 16] += value;
    }
  }
};

}  // namespace
}  // namespace qbench::kernels::cpu
