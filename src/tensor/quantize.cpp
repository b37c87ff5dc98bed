#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "tensor/blocks.h"
#include "tensor/convert.h"

namespace qbench::tensor {
namespace {

/// round() to the nearest whole number, halves away from zero, of |x| < 2^22: adding the float below one half and truncating is exact
/// there.
int round_half_away(float x) { return static_cast<int>(x + std::copysign(0.49999997f, x)); }

/// The value itself, or 0 for NaN: keeps the casts below defined when a checkpoint holds infinities.
float bounded(float x, float limit) { return x >= -limit && x <= limit ? x : (x > 0 ? limit : (x < 0 ? -limit : 0.0f)); }

void quantize(const float* x, BlockQ8_0& b) {
  float largest = 0.0f;
  for (int j = 0; j < 32; ++j) largest = std::max(largest, std::fabs(x[j]));
  const float d = largest / 127.0f;
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  b.d = f16_from_f32(d);
  for (int j = 0; j < 32; ++j) b.qs[j] = static_cast<std::int8_t>(round_half_away(bounded(x[j] * inverse, 127.0f)));
}

void quantize(const float* x, BlockQ4_0& b) {
  float largest = 0.0f, signed_largest = 0.0f;
  for (int j = 0; j < 32; ++j) {
    if (std::fabs(x[j]) > largest) {
      largest = std::fabs(x[j]);
      signed_largest = x[j];
    }
  }
  const float d = signed_largest / -8.0f;  // the largest number becomes code 0, exactly
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  b.d = f16_from_f32(d);
  const auto code = [inverse](float value) { return std::min(15, static_cast<int>(bounded(value * inverse, 8.0f) + 8.5f)); };
  for (int j = 0; j < 16; ++j) b.qs[j] = static_cast<std::uint8_t>(code(x[j]) | (code(x[j + 16]) << 4));
}

template <class Block>
void quantize_blocks(const float* from, std::byte* to, std::int64_t elements) {
  for (std::int64_t i = 0; i < elements / kSmallBlock; ++i) {
    Block block;
    quantize(from + i * kSmallBlock, block);
    std::memcpy(to + i * static_cast<std::int64_t>(sizeof(Block)), &block, sizeof(Block));
  }
}

/// The row's largest magnitude becomes `most`; behind the codes stands the factor that undoes it. A row of zeros has the scale 0, and so has
/// one too small for its inverse.
template <class Convert>
void quantize_scaled(const float* from, std::byte* to, std::int64_t elements, float most, Convert convert) {
  constexpr float kLargest = 0x1p127f;  // the scale times its largest code must not overflow
  float largest = 0.0f;
  for (std::int64_t i = 0; i < elements; ++i) largest = std::max(largest, std::fabs(bounded(from[i], kLargest)));
  const bool tiny = largest < 0x1p-110f;
  const float d = tiny ? 0.0f : largest / most;
  const float inverse = tiny ? 0.0f : most / largest;
  for (std::int64_t i = 0; i < elements; ++i) to[i] = static_cast<std::byte>(convert(bounded(bounded(from[i], kLargest) * inverse, most)));
  std::memcpy(to + elements, &d, sizeof(d));
}

template <std::uint16_t (*kConvert)(float) noexcept>
void convert_to_halves(const float* from, std::byte* to, std::int64_t elements) {
  for (std::int64_t i = 0; i < elements; ++i) {
    const std::uint16_t bits = kConvert(from[i]);
    std::memcpy(to + 2 * i, &bits, sizeof(bits));
  }
}

}  // namespace

bool can_quantize(DType dtype) noexcept {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kQ8_0 || dtype == DType::kQ4_0 ||
         dtype == DType::kInt8 || dtype == DType::kFP8;
}

void quantize_row(DType dtype, const float* from, std::byte* to, std::int64_t elements) {
  QB_CHECK(can_quantize(dtype) && elements >= 0 && elements % info(dtype).block_elements == 0);
  if (elements == 0) return;
  switch (dtype) {
    case DType::kF32:
      std::memcpy(to, from, static_cast<std::size_t>(elements) * sizeof(float));
      return;
    case DType::kF16:
      return convert_to_halves<f16_from_f32>(from, to, elements);
    case DType::kBF16:
      return convert_to_halves<bf16_from_f32>(from, to, elements);
    case DType::kQ8_0:
      return quantize_blocks<BlockQ8_0>(from, to, elements);
    case DType::kInt8:
      return quantize_scaled(from, to, elements, 127.0f, [](float x) { return static_cast<std::int8_t>(std::nearbyint(x)); });
    case DType::kFP8:
      return quantize_scaled(from, to, elements, kLargestE4M3, e4m3_from_f32);
    default:
      return quantize_blocks<BlockQ4_0>(from, to, elements);
  }
}

}  // namespace qbench::tensor
