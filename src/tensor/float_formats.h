#pragma once

#include <bit>
#include <cstdint>

namespace qbench::tensor {

/// Conversions between float32 and the 16-bit formats, given as bits. Inline, and the ones that read weights without branches, so that loops
/// over a row vectorise.

inline float f32_from_f16(std::uint16_t bits) noexcept {
  // Signed arithmetic, because SSE2 compares no unsigned numbers.
  const std::int32_t sign = static_cast<std::int32_t>(static_cast<std::uint32_t>(bits & 0x8000u) << 16);
  const std::int32_t magnitude = bits & 0x7fff;
  const std::int32_t rebias = 112 << 23;  // 127 - 15
  const std::int32_t normal = (magnitude << 13) + rebias;
  const std::int32_t infinite = normal + rebias;  // exponent 255: infinity and NaN
  const std::int32_t subnormal = std::bit_cast<std::int32_t>(static_cast<float>(magnitude) * 0x1p-24f);
  const std::int32_t finite = magnitude < 0x0400 ? subnormal : normal;
  return std::bit_cast<float>(sign | (magnitude > 0x7bff ? infinite : finite));
}

/// Rounds to nearest even; overflow to infinity; NaN stays a quiet NaN.
inline std::uint16_t f16_from_f32(float value) noexcept {
  const std::int32_t bits = std::bit_cast<std::int32_t>(value);
  const std::int32_t magnitude = bits & 0x7fffffff;
  const std::int32_t sign = (bits >> 16) & 0x8000;
  // Below 2^-14: adding 0.5 lets the hardware round to multiples of 2^-24, which are the subnormals.
  const std::int32_t small = std::bit_cast<std::int32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000;
  const std::int32_t normal = (magnitude + 0x0fff + ((magnitude >> 13) & 1) - (112 << 23)) >> 13;
  const std::int32_t finite = magnitude < 0x38800000 ? small : normal;
  const std::int32_t large = magnitude > 0x7f800000 ? (0x7e00 | ((magnitude >> 13) & 0x1ff)) : 0x7c00;
  return static_cast<std::uint16_t>(sign | (magnitude > 0x477fffff ? large : finite));  // from 65536 on: infinity or NaN
}

inline float f32_from_bf16(std::uint16_t bits) noexcept { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

/// Rounds to nearest even; NaN stays NaN.
inline std::uint16_t bf16_from_f32(float value) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const std::uint32_t quiet_nan = (bits >> 16) | 0x40u;
  return static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet_nan : rounded);
}

/// Largest finite number of E4M3, the 8-bit float without infinities (OCP 8-bit Floating Point Specification, E4M3; torch.float8_e4m3fn).
inline constexpr float kLargestE4M3 = 448.0f;

/// Exponent bias 7, subnormals in steps of 2^-9; 0x7f and 0xff are NaN.
inline float f32_from_e4m3(std::uint8_t bits) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x80u) << 24;
  const std::uint32_t magnitude = bits & 0x7fu;
  const std::uint32_t normal = (magnitude << 20) + (120u << 23);  // 127 - 7
  const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-9f);
  const std::uint32_t finite = magnitude < 8u ? subnormal : normal;
  return std::bit_cast<float>(sign | (magnitude == 0x7fu ? 0x7fc00000u : finite));
}

/// Rounds to nearest even; overflow and infinities saturate at 448, as in torch and in the GPU's conversion; NaN stays NaN.
inline std::uint8_t e4m3_from_f32(float value) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const std::uint32_t sign = (bits >> 24) & 0x80u;
  // Below 2^-6: adding 2^14 lets the hardware round to multiples of 2^-9, which are the subnormals.
  const std::uint32_t small = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0x1p14f) - 0x46800000u;
  const std::uint32_t normal = (magnitude + 0x7ffffu + ((magnitude >> 20) & 1u) - (120u << 23)) >> 20;
  const std::uint32_t finite = magnitude < 0x3c800000u ? small : normal;
  const std::uint32_t large = magnitude > 0x7f800000u ? 0x7fu : 0x7eu;
  return static_cast<std::uint8_t>(sign | (magnitude > 0x43e00000u ? large : finite));
}

}  // namespace qbench::tensor
