#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "device_support.h"
#include "kernels/cuda/matvec.h"
#include "kernels/cuda/weight_layout.h"
#include "tensor/convert.h"

namespace qbench::test {

constexpr double kRoundoff = 0x1p-24;  ///< of float32
constexpr float kCanary = -7.25e30F;
constexpr std::size_t kGuard = 64;

inline std::vector<tensor::DType> device_types() {
  std::vector<tensor::DType> types;
  for (const auto& info : tensor::all_dtypes()) {
    if (emulated::device_reads(info.dtype)) types.push_back(info.dtype);
  }
  return types;
}

inline std::vector<float> normal_numbers(std::int64_t count, std::uint64_t seed, double deviation = 1.0) {
  Random random(seed);
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& x : numbers) x = static_cast<float>(random.next_normal() * deviation);
  return numbers;
}

/// A matrix of any type: its numbers for the oracle, and its packed rows on the device.
struct DeviceMatrix {
  std::int64_t rows, cols;
  std::vector<float> numbers;  // (rows, cols)
  emulated::DeviceMemory memory;
  emulated::WeightRows view;

  DeviceMatrix(tensor::DType dtype, std::int64_t rows_in, std::int64_t cols_in, std::uint64_t seed, emulated::Stream& stream)
      : rows(rows_in), cols(cols_in) {
    const emulated::WeightLayout layout = emulated::weight_layout(dtype, cols);
    const auto file_bytes = static_cast<std::size_t>(tensor::row_bytes(dtype, cols));
    std::vector<std::byte> file(file_bytes);
    std::vector<std::byte> packed(static_cast<std::size_t>(rows * layout.row_bytes));
    numbers.resize(static_cast<std::size_t>(rows * cols));
    for (std::int64_t r = 0; r < rows; ++r) {
      tensor::draw_row(dtype, seed, 1, r, 1.0 / std::sqrt(static_cast<double>(cols)), file.data(), cols);
      tensor::dequantize_row(dtype, file.data(), numbers.data() + r * cols, cols);
      emulated::pack_row(layout, file.data(), packed.data() + r * layout.row_bytes);
    }
    memory = to_device(packed, stream);
    view = emulated::weight_rows(layout, memory.data());
  }
  const float* row(std::int64_t r) const { return numbers.data() + r * cols; }
};

/// Numbers on the device with a guard behind them; everything starts as `start`, the guard as the canary.
struct Guarded {
  emulated::DeviceMemory memory;
  std::size_t count;
  Guarded(std::vector<float> start, emulated::Stream& stream) : count(start.size()) {
    start.resize(count + kGuard, kCanary);
    memory = to_device(start, stream);
  }
  float* data() const { return memory.as<float>(); }
  std::vector<float> read(emulated::Stream& stream) const {
    std::vector<float> all = to_host<float>(memory, stream);
    for (std::size_t i = count; i < all.size(); ++i) REQUIRE(all[i] == kCanary);
    all.resize(count);
    return all;
  }
};

/// What a product may be off by: sums of n terms, and the rounding of the input to int8 (1/254 of the largest of 32) or of both sides to
/// bfloat16.
struct Product {
  double value = 0, bound = 0;
};
enum class Rounding { kNone, kInt8, kBf16 };
inline Product product(const float* w, const float* x, std::int64_t n, Rounding rounding) {
  Product p;
  for (std::int64_t i = 0; i < n; ++i) {
    const double term = static_cast<double>(w[i]) * static_cast<double>(x[i]);
    p.value += term;
    p.bound += static_cast<double>(n + 8) * kRoundoff * std::abs(term);
    if (rounding == Rounding::kBf16) p.bound += 0x1.02p-8 * std::abs(term);  // half a unit in the last of 8 bits, twice
    if (rounding != Rounding::kInt8) continue;
    double largest = 0;
    for (std::int64_t j = i / 32 * 32; j < std::min(n, i / 32 * 32 + 32); ++j)
      largest = std::max(largest, std::abs(static_cast<double>(x[j])));
    p.bound += largest / 254 * 1.001 * std::abs(static_cast<double>(w[i]));
  }
  p.bound += 1e-30;
  return p;
}
inline Rounding matvec_rounding(tensor::DType dtype) { return emulated::reads_int8(dtype) ? Rounding::kInt8 : Rounding::kNone; }

}  // namespace qbench::test
