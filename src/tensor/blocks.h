#pragma once

#include <cstdint>

namespace qbench::tensor {

/// The block types as they lie in a GGUF, little-endian, byte for byte. Source: ggml-common.h of ggml; the formulas stand in dequantize.cpp.
/// Every size is even but nothing promises more than byte alignment in a file: copy a block out before reading its 16-bit fields.
/// f16 fields hold the bits of an IEEE half.

inline constexpr int kSmallBlock = 32;   ///< elements of Q4_0 ... Q8_0 and IQ4_NL blocks
inline constexpr int kSuperBlock = 256;  ///< elements of K and IQ4_XS blocks
inline constexpr int kGroup = 128;       ///< elements of kFP8Block and kInt4 blocks

struct BlockQ4_0 {
  std::uint16_t d;
  std::uint8_t qs[16];  // low nibble: element j, high nibble: element j + 16
};
struct BlockQ4_1 {
  std::uint16_t d, m;
  std::uint8_t qs[16];
};
struct BlockQ5_0 {
  std::uint16_t d;
  std::uint8_t qh[4];  // bit j: fifth bit of element j
  std::uint8_t qs[16];
};
struct BlockQ5_1 {
  std::uint16_t d, m;
  std::uint8_t qh[4];
  std::uint8_t qs[16];
};
struct BlockQ8_0 {
  std::uint16_t d;
  std::int8_t qs[32];
};
struct BlockQ2_K {
  std::uint8_t scales[16];  // low nibble: scale, high nibble: minimum, of 16 elements each
  std::uint8_t qs[64];
  std::uint16_t d, dmin;
};
struct BlockQ3_K {
  std::uint8_t hmask[32];
  std::uint8_t qs[64];
  std::uint8_t scales[12];  // 16 scales of 6 bits
  std::uint16_t d;
};
struct BlockQ4_K {
  std::uint16_t d, dmin;
  std::uint8_t scales[12];  // 8 scales and 8 minima of 6 bits
  std::uint8_t qs[128];
};
struct BlockQ5_K {
  std::uint16_t d, dmin;
  std::uint8_t scales[12];
  std::uint8_t qh[32];
  std::uint8_t qs[128];
};
struct BlockQ6_K {
  std::uint8_t ql[128];
  std::uint8_t qh[64];
  std::int8_t scales[16];
  std::uint16_t d;
};
struct BlockIQ4_NL {
  std::uint16_t d;
  std::uint8_t qs[16];
};
struct BlockIQ4_XS {
  std::uint16_t d;
  std::uint16_t scales_h;    // two upper bits of 8 scales
  std::uint8_t scales_l[4];  // four lower bits
  std::uint8_t qs[128];
};

static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20 && sizeof(BlockQ5_0) == 22 && sizeof(BlockQ5_1) == 24 && sizeof(BlockQ8_0) == 34);
static_assert(sizeof(BlockQ2_K) == 84 && sizeof(BlockQ3_K) == 110 && sizeof(BlockQ4_K) == 144 && sizeof(BlockQ5_K) == 176 && sizeof(BlockQ6_K) == 210);
static_assert(sizeof(BlockIQ4_NL) == 18 && sizeof(BlockIQ4_XS) == 136);

/// Ours, not GGUF's: 128 numbers of a row with what a checkpoint keeps beside them, x = d * E4M3 and x = d * (q - zero).
struct BlockFP8 {
  float d;
  std::uint8_t qs[128];
};
struct BlockInt4 {
  std::uint16_t d;
  std::uint8_t zero;  // 0..15
  std::uint8_t unused;
  std::uint8_t qs[64];  // low nibble of byte 16 k + j: element 32 k + j, high nibble: element 32 k + 16 + j
};
static_assert(sizeof(BlockFP8) == 132 && sizeof(BlockInt4) == 68);

/// Values of the 16 codes of IQ4_NL and IQ4_XS.
inline constexpr std::int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/// Scale and minimum of sub-block j (0..7) of a Q4_K or Q5_K block.
struct ScaleMin {
  std::uint8_t scale, min;  // 0..63
};
constexpr ScaleMin k4_scale_min(const std::uint8_t* scales, int j) noexcept {
  if (j < 4) return {static_cast<std::uint8_t>(scales[j] & 63), static_cast<std::uint8_t>(scales[j + 4] & 63)};
  return {static_cast<std::uint8_t>((scales[j + 4] & 15) | ((scales[j - 4] >> 6) << 4)),
          static_cast<std::uint8_t>((scales[j + 4] >> 4) | ((scales[j] >> 6) << 4))};
}

/// Scale j (0..15) of a Q3_K block, -32..31.
constexpr int q3_scale(const std::uint8_t* scales, int j) noexcept {
  const int low = j < 8 ? scales[j] & 15 : scales[j - 8] >> 4;
  const int high = (scales[8 + j % 4] >> (2 * (j / 4))) & 3;
  return (low | (high << 4)) - 32;
}

/// Scale j (0..7) of an IQ4_XS block, -32..31.
constexpr int iq4_xs_scale(const BlockIQ4_XS& block, int j) noexcept {
  const int low = (block.scales_l[j / 2] >> (4 * (j % 2))) & 15;
  return (low | (((block.scales_h >> (2 * j)) & 3) << 4)) - 32;
}

}  // namespace qbench::tensor
