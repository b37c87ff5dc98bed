#include <cstring>

#include "base/check.h"
#include "tensor/blocks.h"
#include "tensor/convert.h"

namespace qbench::tensor {
namespace {

// One function per block type: y = the numbers that the block stands for, each computed as ggml does (same order of float operations).

void dequantize(const BlockQ4_0& b, float* y) {
  const float d = f32_from_f16(b.d);
  for (int j = 0; j < 16; ++j) {
    y[j] = d * static_cast<float>((b.qs[j] & 15) - 8);
    y[j + 16] = d * static_cast<float>((b.qs[j] >> 4) - 8);
  }
}

void dequantize(const BlockQ4_1& b, float* y) {
  const float d = f32_from_f16(b.d), m = f32_from_f16(b.m);
  for (int j = 0; j < 16; ++j) {
    y[j] = d * static_cast<float>(b.qs[j] & 15) + m;
    y[j + 16] = d * static_cast<float>(b.qs[j] >> 4) + m;
  }
}

std::uint32_t load_u32(const std::uint8_t* from) {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

void dequantize(const BlockQ5_0& b, float* y) {
  const float d = f32_from_f16(b.d);
  const std::uint32_t high = load_u32(b.qh);
  for (int j = 0; j < 16; ++j) {
    const int low_bit = static_cast<int>((high >> j) & 1u) << 4;
    const int high_bit = static_cast<int>((high >> (j + 16)) & 1u) << 4;
    y[j] = d * static_cast<float>(((b.qs[j] & 15) | low_bit) - 16);
    y[j + 16] = d * static_cast<float>(((b.qs[j] >> 4) | high_bit) - 16);
  }
}

void dequantize(const BlockQ5_1& b, float* y) {
  const float d = f32_from_f16(b.d), m = f32_from_f16(b.m);
  const std::uint32_t high = load_u32(b.qh);
  for (int j = 0; j < 16; ++j) {
    const int low_bit = static_cast<int>((high >> j) & 1u) << 4;
    const int high_bit = static_cast<int>((high >> (j + 16)) & 1u) << 4;
    y[j] = d * static_cast<float>((b.qs[j] & 15) | low_bit) + m;
    y[j + 16] = d * static_cast<float>((b.qs[j] >> 4) | high_bit) + m;
  }
}

void dequantize(const BlockQ8_0& b, float* y) {
  const float d = f32_from_f16(b.d);
  for (int j = 0; j < 32; ++j) y[j] = d * static_cast<float>(b.qs[j]);
}

// Q2_K and Q3_K: byte l of half h (128 elements) holds element 32 s + l of that half in bits 2s and 2s+1.

void dequantize(const BlockQ2_K& b, float* y) {
  const float d = f32_from_f16(b.d), dmin = f32_from_f16(b.dmin);
  for (int group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(b.scales[group] & 15);
    const float min = dmin * static_cast<float>(b.scales[group] >> 4);
    const std::uint8_t* q = b.qs + 32 * (group / 8) + 16 * (group % 2);
    const int shift = 2 * (group / 2 % 4);
    for (int l = 0; l < 16; ++l) y[16 * group + l] = scale * static_cast<float>((q[l] >> shift) & 3) - min;
  }
}

void dequantize(const BlockQ3_K& b, float* y) {
  const float d = f32_from_f16(b.d);
  for (int group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(q3_scale(b.scales, group));
    const std::uint8_t* q = b.qs + 32 * (group / 8) + 16 * (group % 2);
    const std::uint8_t* mask = b.hmask + 16 * (group % 2);
    const int shift = 2 * (group / 2 % 4);
    const int bit = group / 2;
    for (int l = 0; l < 16; ++l) {
      const int high = ((mask[l] >> bit) & 1) != 0 ? 0 : 4;  // a set bit means no offset
      y[16 * group + l] = scale * static_cast<float>(((q[l] >> shift) & 3) - high);
    }
  }
}

void dequantize(const BlockQ4_K& b, float* y) {
  const float d = f32_from_f16(b.d), dmin = f32_from_f16(b.dmin);
  for (int sub = 0; sub < 8; ++sub) {
    const ScaleMin sm = k4_scale_min(b.scales, sub);
    const float scale = d * static_cast<float>(sm.scale), min = dmin * static_cast<float>(sm.min);
    const std::uint8_t* q = b.qs + 32 * (sub / 2);
    const int shift = 4 * (sub % 2);
    for (int l = 0; l < 32; ++l) y[32 * sub + l] = scale * static_cast<float>((q[l] >> shift) & 15) - min;
  }
}

void dequantize(const BlockQ5_K& b, float* y) {
  const float d = f32_from_f16(b.d), dmin = f32_from_f16(b.dmin);
  for (int sub = 0; sub < 8; ++sub) {
    const ScaleMin sm = k4_scale_min(b.scales, sub);
    const float scale = d * static_cast<float>(sm.scale), min = dmin * static_cast<float>(sm.min);
    const std::uint8_t* q = b.qs + 32 * (sub / 2);
    const int shift = 4 * (sub % 2);
    for (int l = 0; l < 32; ++l) {
      const int value = ((q[l] >> shift) & 15) | (((b.qh[l] >> sub) & 1) << 4);
      y[32 * sub + l] = scale * static_cast<float>(value) - min;
    }
  }
}

void dequantize(const BlockQ6_K& b, float* y) {
  const float d = f32_from_f16(b.d);
  for (int group = 0; group < 16; ++group) {
    // 128 elements a half; in it four runs of 32, of which runs 0 and 2 share ql[0..31], 1 and 3 share ql[32..63].
    const int half = group / 8, run = group / 2 % 4, start = 16 * (group % 2);
    const float scale = d * static_cast<float>(b.scales[group]);
    const std::uint8_t* low = b.ql + 64 * half + 32 * (run % 2) + start;
    const std::uint8_t* high = b.qh + 32 * half + start;
    const int low_shift = 4 * (run / 2), high_shift = 2 * run;
    for (int l = 0; l < 16; ++l) {
      const int value = ((low[l] >> low_shift) & 15) | (((high[l] >> high_shift) & 3) << 4);
      y[16 * group + l] = scale * static_cast<float>(value - 32);
    }
  }
}

void dequantize(const BlockIQ4_NL& b, float* y) {
  const float d = f32_from_f16(b.d);
  for (int j = 0; j < 16; ++j) {
    y[j] = d * static_cast<float>(kIq4Values[b.qs[j] & 15]);
    y[j + 16] = d * static_cast<float>(kIq4Values[b.qs[j] >> 4]);
  }
}

void dequantize(const BlockIQ4_XS& b, float* y) {
  const float d = f32_from_f16(b.d);
  for (int sub = 0; sub < 8; ++sub) {
    const float scale = d * static_cast<float>(iq4_xs_scale(b, sub));
    const std::uint8_t* q = b.qs + 16 * sub;
    for (int j = 0; j < 16; ++j) {
      y[32 * sub + j] = scale * static_cast<float>(kIq4Values[q[j] & 15]);
      y[32 * sub + j + 16] = scale * static_cast<float>(kIq4Values[q[j] >> 4]);
    }
  }
}

void dequantize(const BlockFP8& b, float* y) {
  for (int j = 0; j < kGroup; ++j) y[j] = b.d * f32_from_e4m3(b.qs[j]);
}

void dequantize(const BlockInt4& b, float* y) {
  const float d = f32_from_f16(b.d);
  for (int k = 0; k < kGroup / 32; ++k) {
    for (int j = 0; j < 16; ++j) {
      y[32 * k + j] = d * static_cast<float>((b.qs[16 * k + j] & 15) - b.zero);
      y[32 * k + 16 + j] = d * static_cast<float>((b.qs[16 * k + j] >> 4) - b.zero);
    }
  }
}

/// One scale behind the row's codes.
template <class Convert>
void dequantize_scaled(const std::byte* from, float* to, std::int64_t elements, const std::byte* scale, Convert convert) {
  float d = 0.0f;
  std::memcpy(&d, scale, sizeof(d));
  for (std::int64_t i = 0; i < elements; ++i) to[i] = d * convert(static_cast<std::uint8_t>(from[i]));
}

template <class Block, int kElements>
void dequantize_blocks(const std::byte* from, float* to, std::int64_t elements) {
  for (std::int64_t i = 0; i < elements / kElements; ++i) {
    Block block;  // a copy: rows in a file may lie at odd addresses
    std::memcpy(&block, from + i * static_cast<std::int64_t>(sizeof(Block)), sizeof(Block));
    dequantize(block, to + i * kElements);
  }
}

template <float (*kConvert)(std::uint16_t) noexcept>
void convert_halves(const std::byte* from, float* to, std::int64_t elements) {
  for (std::int64_t i = 0; i < elements; ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, from + 2 * i, sizeof(bits));
    to[i] = kConvert(bits);
  }
}

}  // namespace

void dequantize_part(DType dtype, const std::byte* row, std::int64_t cols, std::int64_t first, float* to, std::int64_t elements) {
  const DTypeInfo& type = info(dtype);
  QB_CHECK(first >= 0 && elements >= 0 && first + elements <= cols && first % type.block_elements == 0 &&
           elements % type.block_elements == 0 && cols % type.block_elements == 0);
  if (elements == 0) return;
  const std::byte* from = row + first / type.block_elements * type.block_bytes;
  const std::byte* scale = row + cols / type.block_elements * type.block_bytes;
  switch (dtype) {
    case DType::kF32:
      std::memcpy(to, from, static_cast<std::size_t>(elements) * sizeof(float));
      return;
    case DType::kF16:
      return convert_halves<f32_from_f16>(from, to, elements);
    case DType::kBF16:
      return convert_halves<f32_from_bf16>(from, to, elements);
    case DType::kQ4_0:
      return dequantize_blocks<BlockQ4_0, kSmallBlock>(from, to, elements);
    case DType::kQ4_1:
      return dequantize_blocks<BlockQ4_1, kSmallBlock>(from, to, elements);
    case DType::kQ5_0:
      return dequantize_blocks<BlockQ5_0, kSmallBlock>(from, to, elements);
    case DType::kQ5_1:
      return dequantize_blocks<BlockQ5_1, kSmallBlock>(from, to, elements);
    case DType::kQ8_0:
      return dequantize_blocks<BlockQ8_0, kSmallBlock>(from, to, elements);
    case DType::kQ2_K:
      return dequantize_blocks<BlockQ2_K, kSuperBlock>(from, to, elements);
    case DType::kQ3_K:
      return dequantize_blocks<BlockQ3_K, kSuperBlock>(from, to, elements);
    case DType::kQ4_K:
      return dequantize_blocks<BlockQ4_K, kSuperBlock>(from, to, elements);
    case DType::kQ5_K:
      return dequantize_blocks<BlockQ5_K, kSuperBlock>(from, to, elements);
    case DType::kQ6_K:
      return dequantize_blocks<BlockQ6_K, kSuperBlock>(from, to, elements);
    case DType::kIQ4_NL:
      return dequantize_blocks<BlockIQ4_NL, kSmallBlock>(from, to, elements);
    case DType::kIQ4_XS:
      return dequantize_blocks<BlockIQ4_XS, kSuperBlock>(from, to, elements);
    case DType::kInt8:
      return dequantize_scaled(from, to, elements, scale, [](std::uint8_t code) { return static_cast<float>(static_cast<std::int8_t>(code)); });
    case DType::kFP8:
      return dequantize_scaled(from, to, elements, scale, f32_from_e4m3);
    case DType::kFP8Block:
      return dequantize_blocks<BlockFP8, kGroup>(from, to, elements);
    case DType::kInt4:
      return dequantize_blocks<BlockInt4, kGroup>(from, to, elements);
  }
  QB_CHECK(false);
}

void dequantize_row(DType dtype, const std::byte* from, float* to, std::int64_t elements) {
  dequantize_part(dtype, from, elements, 0, to, elements);
}

}  // namespace qbench::tensor
