#include "tensor/convert.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/byte_reader.h"
#include "base/random.h"
#include "base/text_file.h"
#include "test_support.h"

namespace qbench::tensor {
namespace {

/// An IEEE half from its definition, in double.
double half_value(std::uint16_t bits) {
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

/// The nearest number with `mantissa_bits` behind the leading one and exponents from `lowest` on, ties to even.
double rounded_to(double value, int mantissa_bits, int lowest) {
  if (value == 0.0) return value;
  const int step = std::max(std::ilogb(value), lowest) - mantissa_bits;
  return std::ldexp(std::nearbyint(std::ldexp(value, -step)), step);
}

std::vector<std::byte> fixture(const char* name) {
  const std::string text = read_text_file(test::fixtures_dir() / "tensor" / name);
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

/// Numbers that hit every branch: random ones of all sizes, powers of two and their neighbours, ties, specials.
std::vector<float> hostile_floats() {
  std::vector<float> out{0.0f,          -0.0f,         65504.0f,      65519.9f,      65520.0f, 65536.0f, 1e38f,
                         5.9604645e-8f, 2.9802322e-8f, 2.9802326e-8f, 6.1035156e-5f, 6.1e-5f,  1e-45f};
  Random random(1);
  for (int i = 0; i < 200000; ++i) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(random.next_u64()));
    if (std::isfinite(value)) out.push_back(value);
    out.push_back(static_cast<float>(std::ldexp(random.next_normal(), static_cast<int>(random.next_below(48)) - 28)));
  }
  for (int e = -30; e < 20; ++e) {
    for (const double tie : {1.0, 1.0 + 0x1p-11, 1.0 + 0x3p-11, 1.0 + 0x1p-8, 1.0 + 0x3p-8, 2.0 - 0x1p-12})
      out.push_back(static_cast<float>(std::ldexp(-tie, e)));
  }
  return out;
}

}  // namespace

TEST_CASE("all 65536 halves convert to the float they stand for and back") {
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float value = f32_from_f16(bits);
    if ((bits & 0x7c00) == 0x7c00) {
      if ((bits & 0x3ff) == 0)
        REQUIRE(std::isinf(value));
      else
        REQUIRE(std::isnan(value));
      REQUIRE(std::signbit(value) == ((bits & 0x8000) != 0));
      if ((bits & 0x3ff) == 0)
        REQUIRE(f16_from_f32(value) == bits);
      else
        REQUIRE(std::isnan(f32_from_f16(f16_from_f32(value))));
    } else {
      REQUIRE(static_cast<double>(value) == half_value(bits));
      REQUIRE(std::signbit(value) == ((bits & 0x8000) != 0));
      REQUIRE(f16_from_f32(value) == bits);
    }
  }
}

TEST_CASE("floats round to the nearest half, ties to even, and overflow to infinity") {
  for (const float value : hostile_floats()) {
    CAPTURE(value);
    const double expected = std::fabs(value) >= 65520.0f ? std::copysign(INFINITY, static_cast<double>(value))
                                                         : rounded_to(static_cast<double>(value), 10, -14);
    REQUIRE(static_cast<double>(f32_from_f16(f16_from_f32(value))) == expected);
  }
  CHECK(std::isnan(f32_from_f16(f16_from_f32(std::numeric_limits<float>::quiet_NaN()))));
}

TEST_CASE("floats round to the nearest bfloat16, ties to even") {
  for (const float value : hostile_floats()) {
    CAPTURE(value);
    const double expected = rounded_to(static_cast<double>(value), 7, -126);
    const float found = f32_from_bf16(bf16_from_f32(value));
    if (std::fabs(expected) > static_cast<double>(std::numeric_limits<float>::max()))
      REQUIRE(std::isinf(found));
    else
      REQUIRE(static_cast<double>(found) == expected);
  }
  for (const std::uint32_t nan : {0x7f800001u, 0x7fffffffu, 0xff800001u})
    CHECK(std::isnan(f32_from_bf16(bf16_from_f32(std::bit_cast<float>(nan)))));
}

TEST_CASE("every type of GGUF dequantises to the very floats of Python's gguf") {
  const std::vector<std::byte> bytes = fixture("dequant.bin");
  ByteReader reader(bytes, "dequant.bin");
  std::size_t types = 0;
  while (reader.remaining() > 0) {
    const auto dtype = dtype_from_ggml_id(reader.read<std::uint32_t>());
    REQUIRE(dtype.has_value());
    CAPTURE(name_of(*dtype));
    const std::int64_t elements = reader.read<std::uint32_t>();
    const std::string_view blocks = reader.read_bytes(static_cast<std::uint64_t>(row_bytes(*dtype, elements)));
    const std::string_view expected = reader.read_bytes(static_cast<std::uint64_t>(elements) * sizeof(float));
    std::vector<float> found(static_cast<std::size_t>(elements) + 1, 12345.0f);
    // From an odd address too: nothing in a file promises alignment.
    std::vector<std::byte> shifted(blocks.size() + 1);
    std::memcpy(shifted.data() + 1, blocks.data(), blocks.size());
    dequantize_row(*dtype, shifted.data() + 1, found.data(), elements);
    for (std::size_t i = 0; i + 1 < found.size(); ++i) {
      float value;
      std::memcpy(&value, expected.data() + i * sizeof(float), sizeof(value));
      CAPTURE(i);
      REQUIRE(found[i] == value);
    }
    CHECK(found.back() == 12345.0f);  // nothing behind the end
    ++types;
  }
  const auto of_gguf = std::count_if(all_dtypes().begin(), all_dtypes().end(), [](const DTypeInfo& t) { return t.ggml_id != kNoGgmlId; });
  CHECK(types == static_cast<std::size_t>(of_gguf));  // the others: scaled_test.cpp
}

TEST_CASE("quantisation gives the very bytes of Python's gguf") {
  const std::vector<std::byte> bytes = fixture("quantize.bin");
  ByteReader reader(bytes, "quantize.bin");
  const std::int64_t elements = reader.read<std::uint32_t>();
  std::vector<float> numbers(static_cast<std::size_t>(elements));
  std::memcpy(numbers.data(), reader.read_bytes(numbers.size() * sizeof(float)).data(), numbers.size() * sizeof(float));
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0}) {
    CAPTURE(name_of(dtype));
    REQUIRE(can_quantize(dtype));
    const auto size = static_cast<std::size_t>(row_bytes(dtype, elements));
    const std::string_view expected = reader.read_bytes(size);
    std::vector<std::byte> found(size + 2, std::byte{0xa5});
    quantize_row(dtype, numbers.data(), found.data() + 1, elements);
    CHECK(std::memcmp(found.data() + 1, expected.data(), size) == 0);
    CHECK((found.front() == std::byte{0xa5} && found.back() == std::byte{0xa5}));
  }
  CHECK(reader.remaining() == 0);
}

TEST_CASE("quantising and dequantising stays within half a step of the block's scale") {
  Random random(7);
  std::vector<float> numbers(4096), back(4096);
  for (float& value : numbers) value = static_cast<float>(random.next_normal());
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0}) {
    CAPTURE(name_of(dtype));
    std::vector<std::byte> blocks(static_cast<std::size_t>(row_bytes(dtype, 4096)));
    quantize_row(dtype, numbers.data(), blocks.data(), 4096);
    dequantize_row(dtype, blocks.data(), back.data(), 4096);
    for (std::size_t block = 0; block < 128; ++block) {
      float largest = 0.0f;
      for (std::size_t j = 0; j < 32; ++j) largest = std::max(largest, std::fabs(numbers[32 * block + j]));
      // Steps: largest / 127 and largest / 8. Half a step, the half's rounding of the scale (2^-11), and for Q4_0 the code +8 that does not
      // exist.
      const float bound = dtype == DType::kQ8_0 ? largest * (0.5f / 127 + 0x1p-11f) : largest * (1.0f / 8 + 0x1p-11f);
      for (std::size_t j = 0; j < 32; ++j) REQUIRE(std::fabs(back[32 * block + j] - numbers[32 * block + j]) <= bound);
    }
  }
}

TEST_CASE("infinities and NaN in a checkpoint do not break the quantisers") {
  std::vector<float> numbers(64, 1.0f);
  numbers[3] = std::numeric_limits<float>::infinity();
  numbers[5] = -std::numeric_limits<float>::infinity();
  numbers[40] = std::numeric_limits<float>::quiet_NaN();
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0}) {
    std::vector<std::byte> blocks(static_cast<std::size_t>(row_bytes(dtype, 64)));
    quantize_row(dtype, numbers.data(), blocks.data(), 64);
    std::vector<float> back(64);
    dequantize_row(dtype, blocks.data(), back.data(), 64);
    CHECK(back[33] == doctest::Approx(1.0).epsilon(0.15));
  }
}

TEST_CASE("only the floating types, Q8_0, Q4_0, INT8 and FP8 can be quantised to") {
  int count = 0;
  for (const DTypeInfo& type : all_dtypes()) count += can_quantize(type.dtype) ? 1 : 0;
  CHECK(count == 7);
  std::vector<float> numbers{1.0f, -2.5f, 3e-39f}, back(3);
  std::vector<std::byte> bytes(12);
  quantize_row(DType::kF32, numbers.data(), bytes.data(), 3);
  dequantize_row(DType::kF32, bytes.data(), back.data(), 3);
  CHECK(back == numbers);
}

}  // namespace qbench::tensor
