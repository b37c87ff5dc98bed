#include "kernels/cpu/kv_cache.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "kernel_cases.h"
#include "kernels/cpu/aligned_buffer.h"
#include "tensor/convert.h"

namespace qbench::kernels::cpu {
namespace {

using tensor::DType;

constexpr DType kCacheTypes[] = {DType::kF32, DType::kBF16, DType::kF16, DType::kQ8_0};
constexpr std::size_t kDim = 64;

/// What position 0 of a cache holds after k and v were appended, read as kv_cache.h describes the tiles.
struct Kept {
  std::vector<double> k, v;
};

double read_number(DType dtype, const std::byte* at) {
  if (dtype == DType::kF32) {
    float x;
    std::memcpy(&x, at, sizeof x);
    return x;
  }
  std::uint16_t bits;
  std::memcpy(&bits, at, sizeof bits);
  return dtype == DType::kF16 ? tensor::f32_from_f16(bits) : tensor::f32_from_bf16(bits);
}

Kept kept(DType dtype, Isa isa, const std::vector<float>& k, const std::vector<float>& v) {
  const KvLayout layout = make_kv_layout(dtype, kDim, 1);
  AlignedBuffer memory(static_cast<std::uint64_t>(layout.head_bytes()));
  std::memset(memory.data(), 0xff, memory.bytes());  // NaN in every type: what reads an unwritten number shows it
  auto* cache = reinterpret_cast<std::byte*>(memory.data());
  append_kv_kernel(isa)(layout, cache, 0, k.data(), v.data());
  const std::byte* k_tile = layout.k_tile(cache, 0);
  const std::byte* v_tile = layout.v_tile(cache, 0);
  Kept result;
  for (std::size_t d = 0; d < kDim; ++d) {
    if (dtype == DType::kQ8_0) {
      result.k.push_back(static_cast<std::int8_t>(k_tile[d * 16]) * read_number(DType::kF16, k_tile + kDim * 16 + d / 32 * 32));
      result.v.push_back(static_cast<std::int8_t>(v_tile[d]) * read_number(DType::kF16, v_tile + 16 * kDim + d / 32 * 2));
      continue;
    }
    const std::size_t bytes = dtype == DType::kF32 ? 4 : 2;
    result.k.push_back(read_number(dtype, k_tile + (dtype == DType::kBF16 ? d / 2 * 32 + d % 2 : d * 16) * bytes));
    result.v.push_back(read_number(dtype, v_tile + d * bytes));
  }
  return result;
}

TEST_CASE("the cache layout counts its bytes and refuses what it cannot hold") {
  const KvLayout bf16 = make_kv_layout(DType::kBF16, 64, 100);
  CHECK(bf16.tiles == 7);
  CHECK(bf16.head_bytes() == 7 * 16 * 64 * 2 * 2);
  CHECK(make_kv_layout(DType::kQ8_0, 128, 16).head_bytes() == 16 * 2 * (128 + 8));
  CHECK(make_kv_layout(DType::kF32, 40, 1).head_bytes() == 16 * 4 * (40 + 48));
  const auto code = [](DType dtype, std::int64_t head_dim, std::int64_t positions) {
    try {
      make_kv_layout(dtype, head_dim, positions);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kIo;
  };
  CHECK(code(DType::kQ8_0, 40, 16) == ErrorCode::kUnsupported);
  CHECK(code(DType::kQ4_0, 64, 16) == ErrorCode::kUnsupported);
  CHECK(code(DType::kF32, 63, 16) == ErrorCode::kUnsupported);
  CHECK(code(DType::kF32, 64, 0) == ErrorCode::kUnsupported);
  CHECK(code(DType::kF32, 64, std::int64_t{1} << 50) == ErrorCode::kUnsupported);
}

TEST_CASE("numbers beyond the range of the cache's type become its largest, and none becomes infinite or NaN") {
  std::vector<float> k = test::normal_numbers(kDim, 1);
  std::vector<float> v = test::normal_numbers(kDim, 2);
  const std::vector<std::pair<std::size_t, float>> large = {{0, 65519.0F}, {1, 65520.0F}, {2, -7e4F}, {3, 1e6F}, {17, -1e9F}, {33, 3e38F}, {63, -3.4028e38F}};
  for (const auto& [at, x] : large) k[at] = v[at] = x;
  for (const DType dtype : kCacheTypes) {
    CAPTURE(tensor::name_of(dtype));
    const double largest = dtype == DType::kF16 ? 65504.0 : dtype == DType::kQ8_0 ? 127 * 65504.0 : dtype == DType::kBF16 ? 0x1.FEp127 : 0x1.FFFFFEp127;
    for (const Isa isa : test::available_isas("cache range")) {
      CAPTURE(name_of(isa));
      const Kept cache = kept(dtype, isa, k, v);
      for (const auto* numbers : {&cache.k, &cache.v}) {
        const std::vector<float>& given = numbers == &cache.k ? k : v;
        for (std::size_t d = 0; d < kDim; ++d) {
          CAPTURE(d);
          const double expected = std::clamp<double>(given[d], -largest, largest);
          // float32 exact; bfloat16 and float16 half a unit of 8 and 11 bits; q8_0 half a step of the block's largest number, which saturates
          const double bound = dtype == DType::kF32 ? 0 : dtype == DType::kQ8_0 ? 0.51 * 65504 : std::abs(expected) * (dtype == DType::kF16 ? 0x1p-11 : 0x1p-8);
          CHECK(std::abs((*numbers)[d] - expected) <= bound);
        }
      }
    }
  }
}

TEST_CASE("infinities and NaN stay in every cache type") {
  for (const float broken : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> v = test::normal_numbers(kDim, 3);
    v[40] = broken;
    for (const DType dtype : kCacheTypes) {
      CAPTURE(tensor::name_of(dtype));
      for (const Isa isa : test::available_isas("broken cache")) {
        CAPTURE(name_of(isa));
        const Kept cache = kept(dtype, isa, v, v);
        CHECK_FALSE(std::isfinite(cache.k[40]));
        CHECK_FALSE(std::isfinite(cache.v[40]));
        CHECK(std::isfinite(cache.k[0]));  // another block of q8_0, another number of the rest
        CHECK(std::isfinite(cache.v[0]));
      }
    }
  }
}

TEST_CASE("the smallest numbers are kept to a step of the cache's type") {
  for (const float size : {1e-42F, 1e-38F, 1e-31F, 1e-9F, 1e-6F}) {
    const std::vector<float> v = test::normal_numbers(kDim, 4, static_cast<double>(size));
    for (const DType dtype : kCacheTypes) {
      CAPTURE(tensor::name_of(dtype));
      for (const Isa isa : test::available_isas("small numbers")) {
        const Kept cache = kept(dtype, isa, v, v);
        for (std::size_t d = 0; d < kDim; ++d) {
          // float16 has multiples of 2^-24; a q8_0 scale is one, so that 127 of its halves may be lost; float32's own smallest is 2^-149
          const double step = dtype == DType::kF16 ? 0x1p-25 : dtype == DType::kQ8_0 ? 128 * 0x1p-25 : 0x1p-8 * std::abs(v[d]) + 0x1p-134;
          CHECK(std::abs(cache.k[d] - v[d]) <= step);
          CHECK(std::abs(cache.v[d] - v[d]) <= step);
        }
      }
    }
  }
}

}  // namespace
}  // namespace qbench::kernels::cpu
