#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

#include "base/check.h"
#include "base/random.h"
#include "tensor/blocks.h"
#include "tensor/convert.h"

namespace qbench::tensor {
namespace {

/// z with P(normal < z) = p, by Newton's method on erfc.
double normal_quantile(double p) {
  double z = 0.0;
  for (int i = 0; i < 64; ++i) {
    const double error = 0.5 * std::erfc(-z / std::numbers::sqrt2) - p;
    const double density = std::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi);
    z -= std::clamp(error / density, -0.5, 0.5);
  }
  return z;
}

/// Normal numbers from 16 random bits each: the quantile function as 2048 straight pieces, scaled to deviation 1. 16 KiB, so it stays in
/// L1.
class NormalTable {
 public:
  NormalTable() {
    constexpr double kEnd = 4.0;  // stands for the infinite ends
    std::array<double, kPieces + 1> nodes;
    for (int i = 1; i < kPieces; ++i) nodes[static_cast<std::size_t>(i)] = normal_quantile(static_cast<double>(i) / kPieces);
    nodes.front() = -kEnd;
    nodes.back() = kEnd;
    for (std::size_t i = 0; i < kPieces; ++i) {
      const double slope = (nodes[i + 1] - nodes[i]) / kSteps;
      pieces_[i] = {static_cast<float>(nodes[i] + 0.5 * slope), static_cast<float>(slope)};
    }
    double squares = 0.0;
    for (std::uint32_t bits = 0; bits < 65536; ++bits) squares += static_cast<double>(at(bits)) * static_cast<double>(at(bits));
    const auto scale = static_cast<float>(1.0 / std::sqrt(squares / 65536.0));
    for (Piece& piece : pieces_) piece = {piece.base * scale, piece.slope * scale};
  }
  float at(std::uint32_t bits) const noexcept {
    const Piece piece = pieces_[bits / kSteps];
    return piece.base + piece.slope * static_cast<float>(static_cast<std::int32_t>(bits % kSteps));
  }

 private:
  static constexpr int kPieces = 2048;
  static constexpr std::uint32_t kSteps = 32;
  struct Piece {
    float base, slope;
  };
  std::array<Piece, kPieces> pieces_;
};

/// Bytes of normally distributed codes from 12 random bits each, for blocks without minima: one signed 8-bit code, or two 4-bit codes with
/// offset 8. `deviation` is that of one code.
struct CodeTable {
  std::array<std::uint8_t, 4096> bytes;
  double deviation = 0.0;
};

/// Codes of Q8_0: 127 stands for 2.6 deviations, about the largest of 32 numbers and more.
CodeTable make_q8_table() {
  CodeTable table;
  double squares = 0.0;
  for (std::size_t i = 0; i < 4096; ++i) {
    const double z = normal_quantile((static_cast<double>(i) + 0.5) / 4096.0);
    const double code = std::clamp(std::round(z * 127.0 / 2.6), -127.0, 127.0);
    table.bytes[i] = static_cast<std::uint8_t>(static_cast<std::int8_t>(code));
    squares += code * code;
  }
  table.deviation = std::sqrt(squares / 4096.0);
  return table;
}

/// Codes of a row with one scale: the largest code stands for 4 deviations, more than the largest of a row.
template <class Code, class Value>
CodeTable make_row_table(double most, Code code, Value value) {
  CodeTable table;
  double squares = 0.0;
  for (std::size_t i = 0; i < 4096; ++i) {
    table.bytes[i] = code(normal_quantile((static_cast<double>(i) + 0.5) / 4096.0) * most / 4.0);
    squares += static_cast<double>(value(table.bytes[i])) * static_cast<double>(value(table.bytes[i]));
  }
  table.deviation = std::sqrt(squares / 4096.0);
  return table;
}

CodeTable make_int8_table() {
  return make_row_table(
      127.0, [](double x) { return static_cast<std::uint8_t>(static_cast<std::int8_t>(std::nearbyint(x))); },
      [](std::uint8_t code) { return static_cast<float>(static_cast<std::int8_t>(code)); });
}

CodeTable make_fp8_table() {
  return make_row_table(
      static_cast<double>(kLargestE4M3), [](double x) { return e4m3_from_f32(static_cast<float>(x)); }, f32_from_e4m3);
}

CodeTable make_q4_table() {
  CodeTable table;
  std::array<int, 64> codes;
  double squares = 0.0;
  for (std::size_t i = 0; i < 64; ++i) {
    const double z = normal_quantile((static_cast<double>(i) + 0.5) / 64.0);
    codes[i] = static_cast<int>(std::clamp(std::round(z * 7.0 / 2.3), -7.0, 7.0));
    squares += codes[i] * codes[i];
  }
  for (std::size_t i = 0; i < 4096; ++i) table.bytes[i] = static_cast<std::uint8_t>((codes[i % 64] + 8) | ((codes[i / 64] + 8) << 4));
  table.deviation = std::sqrt(squares / 64.0);
  return table;
}

/// The generator of one row and what the block functions draw from it.
class RowRandom {
 public:
  RowRandom(std::uint64_t seed, std::uint64_t tensor_id, std::int64_t row)
      : random_(mix64(seed ^ mix64(tensor_id)), static_cast<std::uint64_t>(row)) {}

  std::uint64_t bits() noexcept { return random_.next_u64(); }

  /// Uniform random bytes.
  template <class T, std::size_t n>
  void fill(T (&to)[n]) noexcept {
    static_assert(sizeof(T) == 1);
    for (std::size_t i = 0; i < n; i += 8) {
      const std::uint64_t word = bits();
      std::memcpy(to + i, &word, std::min<std::size_t>(8, n - i));
    }
  }

  template <class T, std::size_t n>
  void fill_codes(T (&to)[n], const CodeTable& table) noexcept {
    static_assert(sizeof(T) == 1);
    for (std::size_t i = 0; i < n;) {
      std::uint64_t word = bits();
      for (int k = 0; k < 5 && i < n; ++k, ++i, word >>= 12) to[i] = static_cast<T>(table.bytes[word & 4095]);
    }
  }

 private:
  Random random_;
};

// Block types other than Q8_0 and Q4_0 have uniform codes. Where the code's offset leaves a mean (-8..7 has -0.5) the sign of the scale is
// random; where the type has minima, the minimum is the scale times the mean code. Scales of sub-blocks vary within a factor of two. The
// constants are root mean squares: of the codes 0..n-1 about their middle sqrt((n^2-1)/12), of -n/2..n/2-1 about zero sqrt((n^2+2)/12).

const double kUniform2 = std::sqrt(15.0 / 12.0), kUniform4 = std::sqrt(255.0 / 12.0), kUniform5 = std::sqrt(1023.0 / 12.0);
const double kOffset3 = std::sqrt(66.0 / 12.0), kOffset5 = std::sqrt(1026.0 / 12.0), kOffset6 = std::sqrt(4098.0 / 12.0);
const double kScales8To15 = std::sqrt(11.5 * 11.5 + 63.0 / 12.0), kScales16To31 = std::sqrt(23.5 * 23.5 + 255.0 / 12.0),
             kScales32To63 = std::sqrt(47.5 * 47.5 + 1023.0 / 12.0);

double iq4_rms() {
  double squares = 0.0;
  for (const std::int8_t value : kIq4Values) squares += static_cast<double>(value) * value;
  return std::sqrt(squares / 16.0);
}

/// The block's scale, once for the whole row, and for types with minima the other scale that centres the codes.
struct RowScale {
  std::uint16_t d, m;
};
RowScale row_scale(double deviation, double code_rms, double code_mean = 0.0) {
  const std::uint16_t d = f16_from_f32(static_cast<float>(deviation / code_rms));
  return {d, f16_from_f32(static_cast<float>(static_cast<double>(f32_from_f16(d)) * code_mean))};
}

std::uint16_t with_sign(std::uint16_t half, std::uint64_t random_bit) {
  return static_cast<std::uint16_t>(half | ((random_bit & 1) << 15));
}

/// 6-bit field of a scale of 16..31 with a random sign, stored with offset 32, from 5 random bits.
std::uint8_t signed_scale_field(std::uint64_t bits) {
  const int magnitude = 16 + static_cast<int>(bits & 15);
  return static_cast<std::uint8_t>(32 + ((bits & 16) != 0 ? magnitude : -magnitude));
}

/// 8 scales of 32..63 in the 12 bytes of Q4_K and Q5_K, each minimum equal to its scale.
void draw_k4_scales(RowRandom& random, std::uint8_t (&to)[12]) {
  std::uint64_t word = random.bits();
  for (std::size_t j = 0; j < 4; ++j, word >>= 10) {
    const auto low = static_cast<std::uint8_t>(32 + (word & 31)), high = static_cast<std::uint8_t>(32 + ((word >> 5) & 31));
    to[j] = to[j + 4] = static_cast<std::uint8_t>(low | ((high >> 4) << 6));
    to[j + 8] = static_cast<std::uint8_t>((high & 15) | ((high & 15) << 4));
  }
}

template <class Block, class Draw>
void draw_blocks(std::byte* to, std::int64_t count, Draw draw) {
  for (std::int64_t i = 0; i < count; ++i) {
    Block block{};
    draw(block);
    std::memcpy(to + i * static_cast<std::int64_t>(sizeof(Block)), &block, sizeof(Block));
  }
}

template <class T, class Convert>
void draw_floats(RowRandom& random, double deviation, std::byte* to, std::int64_t elements, Convert convert) {
  static const NormalTable table;
  const auto scale = static_cast<float>(deviation);
  for (std::int64_t i = 0; i < elements; i += 4) {
    const std::uint64_t word = random.bits();
    std::array<T, 4> values;
    for (std::size_t k = 0; k < 4; ++k) values[k] = convert(scale * table.at(static_cast<std::uint32_t>(word >> (16 * k)) & 0xffffu));
    const auto count = static_cast<std::size_t>(std::min<std::int64_t>(4, elements - i));
    std::memcpy(to + i * static_cast<std::int64_t>(sizeof(T)), values.data(), count * sizeof(T));
  }
}

void draw_small_blocks(DType dtype, RowRandom& random, double deviation, std::byte* to, std::int64_t count) {
  static const CodeTable q8 = make_q8_table(), q4 = make_q4_table();
  switch (dtype) {
    case DType::kQ8_0: {
      const RowScale scale = row_scale(deviation, q8.deviation);
      return draw_blocks<BlockQ8_0>(to, count, [&](BlockQ8_0& b) { b.d = scale.d, random.fill_codes(b.qs, q8); });
    }
    case DType::kQ4_0: {
      const RowScale scale = row_scale(deviation, q4.deviation);
      return draw_blocks<BlockQ4_0>(to, count, [&](BlockQ4_0& b) { b.d = scale.d, random.fill_codes(b.qs, q4); });
    }
    case DType::kQ4_1: {
      const RowScale scale = row_scale(deviation, kUniform4, -7.5);
      return draw_blocks<BlockQ4_1>(to, count, [&](BlockQ4_1& b) { b.d = scale.d, b.m = scale.m, random.fill(b.qs); });
    }
    case DType::kQ5_0: {
      const RowScale scale = row_scale(deviation, kOffset5);
      return draw_blocks<BlockQ5_0>(to, count, [&](BlockQ5_0& b) {
        const std::uint64_t word = random.bits();
        b.d = with_sign(scale.d, word >> 32);
        std::memcpy(b.qh, &word, sizeof(b.qh));
        random.fill(b.qs);
      });
    }
    case DType::kQ5_1: {
      const RowScale scale = row_scale(deviation, kUniform5, -15.5);
      return draw_blocks<BlockQ5_1>(to, count, [&](BlockQ5_1& b) { b.d = scale.d, b.m = scale.m, random.fill(b.qh), random.fill(b.qs); });
    }
    default: {
      const RowScale scale = row_scale(deviation, iq4_rms());
      return draw_blocks<BlockIQ4_NL>(to, count, [&](BlockIQ4_NL& b) { b.d = with_sign(scale.d, random.bits()), random.fill(b.qs); });
    }
  }
}

void draw_scaled_row(RowRandom& random, const CodeTable& table, double deviation, std::byte* to, std::int64_t elements) {
  std::uint8_t codes[kSmallBlock];
  for (std::int64_t i = 0; i < elements; i += kSmallBlock) {
    random.fill_codes(codes, table);
    std::memcpy(to + i, codes, sizeof(codes));
  }
  const auto scale = static_cast<float>(deviation / table.deviation);
  std::memcpy(to + elements, &scale, sizeof(scale));
}

void draw_groups(DType dtype, RowRandom& random, double deviation, std::byte* to, std::int64_t count) {
  static const CodeTable fp8 = make_fp8_table(), q4 = make_q4_table();
  if (dtype == DType::kFP8Block) {
    const auto scale = static_cast<float>(deviation / fp8.deviation);
    return draw_blocks<BlockFP8>(to, count, [&](BlockFP8& b) { b.d = scale, random.fill_codes(b.qs, fp8); });
  }
  const RowScale scale = row_scale(deviation, q4.deviation);
  draw_blocks<BlockInt4>(to, count, [&](BlockInt4& b) {
    b.d = scale.d;
    random.fill_codes(b.qs, q4);
    const auto shift = static_cast<std::uint8_t>(random.bits() & 1);  // the codes leave room for it: a zero of 7 or 8
    b.zero = static_cast<std::uint8_t>(8 - shift);
    for (std::uint8_t& pair : b.qs) pair = static_cast<std::uint8_t>(pair - 17 * shift);
  });
}

void draw_q3_scales(RowRandom& random, std::uint8_t (&to)[12]) {
  std::uint64_t low = random.bits(), high = random.bits();
  for (std::size_t j = 0; j < 8; ++j, low >>= 5, high >>= 5) {
    const std::uint8_t first = signed_scale_field(low), second = signed_scale_field(high);  // scales j and j + 8
    to[j] = static_cast<std::uint8_t>((first & 15) | ((second & 15) << 4));
    const std::size_t shift = 2 * (j / 4);
    to[8 + j % 4] = static_cast<std::uint8_t>(to[8 + j % 4] | ((first >> 4) << shift) | ((second >> 4) << (shift + 4)));
  }
}

void draw_iq4_xs_scales(RowRandom& random, BlockIQ4_XS& b) {
  std::uint64_t word = random.bits();
  for (std::size_t j = 0; j < 8; ++j, word >>= 5) {
    const std::uint8_t field = signed_scale_field(word);
    b.scales_l[j / 2] = static_cast<std::uint8_t>(b.scales_l[j / 2] | ((field & 15) << (4 * (j % 2))));
    b.scales_h = static_cast<std::uint16_t>(b.scales_h | ((field >> 4) << (2 * j)));
  }
}

void draw_super_blocks(DType dtype, RowRandom& random, double deviation, std::byte* to, std::int64_t count) {
  switch (dtype) {
    case DType::kQ2_K: {
      const RowScale scale = row_scale(deviation, kUniform2 * kScales8To15, 1.5);
      return draw_blocks<BlockQ2_K>(to, count, [&](BlockQ2_K& b) {
        b.d = scale.d, b.dmin = scale.m;
        std::uint64_t word = random.bits();
        for (std::size_t j = 0; j < 16; ++j, word >>= 3) b.scales[j] = static_cast<std::uint8_t>((8 + (word & 7)) * 17);  // scale = minimum
        random.fill(b.qs);
      });
    }
    case DType::kQ3_K: {
      const RowScale scale = row_scale(deviation, kOffset3 * kScales16To31);
      return draw_blocks<BlockQ3_K>(
          to, count, [&](BlockQ3_K& b) { b.d = scale.d, random.fill(b.hmask), random.fill(b.qs), draw_q3_scales(random, b.scales); });
    }
    case DType::kQ4_K: {
      const RowScale scale = row_scale(deviation, kUniform4 * kScales32To63, 7.5);
      return draw_blocks<BlockQ4_K>(
          to, count, [&](BlockQ4_K& b) { b.d = scale.d, b.dmin = scale.m, draw_k4_scales(random, b.scales), random.fill(b.qs); });
    }
    case DType::kQ5_K: {
      const RowScale scale = row_scale(deviation, kUniform5 * kScales32To63, 15.5);
      return draw_blocks<BlockQ5_K>(to, count, [&](BlockQ5_K& b) {
        b.d = scale.d, b.dmin = scale.m, draw_k4_scales(random, b.scales), random.fill(b.qh), random.fill(b.qs);
      });
    }
    case DType::kQ6_K: {
      const RowScale scale = row_scale(deviation, kOffset6 * kScales16To31);
      return draw_blocks<BlockQ6_K>(to, count, [&](BlockQ6_K& b) {
        b.d = scale.d, random.fill(b.ql), random.fill(b.qh);
        std::uint64_t low = random.bits(), high = random.bits();
        for (std::size_t j = 0; j < 8; ++j, low >>= 5, high >>= 5) {
          b.scales[j] = static_cast<std::int8_t>(signed_scale_field(low) - 32);
          b.scales[j + 8] = static_cast<std::int8_t>(signed_scale_field(high) - 32);
        }
      });
    }
    default: {
      const RowScale scale = row_scale(deviation, iq4_rms() * kScales16To31);
      return draw_blocks<BlockIQ4_XS>(to, count, [&](BlockIQ4_XS& b) { b.d = scale.d, draw_iq4_xs_scales(random, b), random.fill(b.qs); });
    }
  }
}

}  // namespace

void draw_row(DType dtype, std::uint64_t seed, std::uint64_t tensor_id, std::int64_t row, double deviation, std::byte* to,
              std::int64_t elements) {
  const DTypeInfo& type = info(dtype);
  QB_CHECK(elements >= 0 && elements % type.block_elements == 0 && std::isfinite(deviation) && deviation > 0.0);
  RowRandom random(seed, tensor_id, row);
  switch (dtype) {
    case DType::kF32:
      return draw_floats<float>(random, deviation, to, elements, [](float v) { return v; });
    case DType::kF16:
      return draw_floats<std::uint16_t>(random, deviation, to, elements, [](float v) { return f16_from_f32(v); });
    case DType::kBF16:
      return draw_floats<std::uint16_t>(random, deviation, to, elements, [](float v) { return bf16_from_f32(v); });
    default:
      break;
  }
  static const CodeTable int8 = make_int8_table(), fp8 = make_fp8_table();
  if (elements > 0 && dtype == DType::kInt8) return draw_scaled_row(random, int8, deviation, to, elements);
  if (elements > 0 && dtype == DType::kFP8) return draw_scaled_row(random, fp8, deviation, to, elements);
  const std::int64_t blocks = elements / type.block_elements;
  if (type.block_elements == kGroup) return draw_groups(dtype, random, deviation, to, blocks);
  if (type.block_elements == kSmallBlock)
    draw_small_blocks(dtype, random, deviation, to, blocks);
  else
    draw_super_blocks(dtype, random, deviation, to, blocks);
}

}  // namespace qbench::tensor
