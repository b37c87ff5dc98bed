#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/error.h"
#include "base/random.h"
#include "tensor/convert.h"
#include "tensor/row_source.h"
#include "test_support.h"

namespace qbench::test {

constexpr double kRoundoff = 0x1p-24;  ///< of float32

/// A device that the case tables run on. `variant` is what must not change a result by a single bit: the number of threads of the CPU, the
/// seed of the order in which an emulated device runs blocks and threads.
struct StepDevice {
  std::string name;
  std::function<std::unique_ptr<backend::Backend>(int variant)> make;
  std::vector<int> variants = {1, 2, 3, 5};
  /// Whether queries and probabilities of a step of many tokens are rounded to the type of a 16-bit cache (tensor cores).
  bool rounds_queries = false;
};

/// Every device of this test program; those that this machine lacks are reported as skipped.
std::vector<StepDevice> step_devices(const std::string& test);

/// Code of the error that the body ends with, or nothing.
template <class Body>
std::optional<ErrorCode> error_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

inline std::vector<float> normal_numbers(std::int64_t count, std::uint64_t seed, double deviation = 1.0) {
  Random random(seed);
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& x : numbers) x = static_cast<float>(random.next_normal() * deviation);
  return numbers;
}

/// A float32 matrix with the numbers the test keeps, handed out in the storage type asked for.
class Weights final : public tensor::RowSource {
 public:
  Weights(std::int64_t rows, std::int64_t cols, std::uint64_t seed, tensor::DType dtype = tensor::DType::kF32)
      : rows_(rows), cols_(cols), dtype_(dtype), numbers_(normal_numbers(rows * cols, seed, 1.0 / std::sqrt(static_cast<double>(cols)))) {
    // The test's numbers are those that the type can hold, so that storing them adds no error.
    std::vector<std::byte> stored(static_cast<std::size_t>(tensor::row_bytes(dtype, cols)));
    for (std::int64_t r = 0; r < rows; ++r) {
      tensor::quantize_row(dtype, row(r), stored.data(), cols);
      tensor::dequantize_row(dtype, stored.data(), numbers_.data() + r * cols, cols);
      bytes_.insert(bytes_.end(), stored.begin(), stored.end());
    }
  }
  tensor::DType dtype() const override { return dtype_; }
  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return cols_; }
  void read_rows(std::int64_t first, std::int64_t count, std::byte* to) const override {
    const std::int64_t bytes = tensor::row_bytes(dtype_, cols_);
    std::memcpy(to, bytes_.data() + first * bytes, static_cast<std::size_t>(count * bytes));
  }
  const float* row(std::int64_t r) const { return numbers_.data() + r * cols_; }

 private:
  std::int64_t rows_, cols_;
  tensor::DType dtype_;
  std::vector<float> numbers_;
  std::vector<std::byte> bytes_;
};

inline std::unique_ptr<backend::Matrix> load(backend::Backend& device, std::vector<const tensor::RowSource*> parts) {
  return device.load_matrix(parts);
}

/// A buffer one guard longer than its content on the device; everything starts as the canary.
constexpr float kCanary = -7.25e30F;
constexpr std::int64_t kGuard = 32;
inline std::unique_ptr<backend::Buffer> guarded(backend::Backend& device, std::int64_t numbers) {
  return device.load_vector(std::vector<float>(static_cast<std::size_t>(numbers + kGuard), kCanary));
}
/// The content; fails the test when the guard was written.
inline std::vector<float> read_guarded(backend::Backend& device, const backend::Buffer& buffer) {
  std::vector<float> all(static_cast<std::size_t>(buffer.size()));
  device.read(buffer, 0, all);
  for (std::int64_t i = 0; i < kGuard; ++i) CHECK(all[all.size() - 1 - static_cast<std::size_t>(i)] == kCanary);
  all.resize(all.size() - static_cast<std::size_t>(kGuard));
  return all;
}

/// A batch that owns its arrays. Ids are 0 unless set.
struct OwnedBatch {
  std::vector<std::int32_t> ids, positions, sequences;
  void add(std::int32_t sequence, std::int32_t first_position, std::int32_t count) {
    for (std::int32_t i = 0; i < count; ++i) {
      ids.push_back(0);
      positions.push_back(first_position + i);
      sequences.push_back(sequence);
    }
  }
  std::int64_t tokens() const { return static_cast<std::int64_t>(ids.size()); }
  backend::Batch view() const { return {ids, positions, sequences}; }
};

/// A value with a bound on how far float32 arithmetic may be from it.
struct Bounded {
  double value = 0;
  double bound = 0;
};

inline std::vector<Bounded> exact(const float* x, std::int64_t n) {
  std::vector<Bounded> result(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) result[static_cast<std::size_t>(i)].value = static_cast<double>(x[i]);
  return result;
}

/// x / sqrt(mean(x^2) + eps) * weight. n terms of the mean err by n roundoffs, the root by half of it; 6 more for the rest. Errors of x
/// itself pass through, once directly and once through the mean (at most as large again).
inline std::vector<Bounded> ref_rms_norm(const std::vector<Bounded>& x, const float* weight, double eps) {
  double squares = 0;
  double moved = 0;
  for (const Bounded& v : x) {
    squares += v.value * v.value;
    moved += std::abs(v.value) * v.bound;
  }
  const auto n = static_cast<double>(x.size());
  const double mean = squares / n + eps;
  const double relative = (0.5 * n + 6) * kRoundoff + moved / n / mean;
  std::vector<Bounded> result(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double w = static_cast<double>(weight[i]);
    result[i].value = x[i].value / std::sqrt(mean) * w;
    result[i].bound = std::abs(result[i].value) * relative + std::abs(w) * x[i].bound / std::sqrt(mean);
  }
  return result;
}

/// The product with a row of float32 weights: n roundoffs of the sum of the absolute products, and the input's own errors.
inline Bounded ref_dot(const float* w, const std::vector<Bounded>& x) {
  Bounded sum;
  double absolute = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double weight = static_cast<double>(w[i]);
    sum.value += weight * x[i].value;
    absolute += std::abs(weight * x[i].value);
    sum.bound += std::abs(weight) * x[i].bound;
  }
  sum.bound += (static_cast<double>(x.size()) + 2) * kRoundoff * absolute;
  return sum;
}

/// silu(gate) up: exp errs by 4 roundoffs and three operations follow; the slope of silu is at most 1.1.
inline Bounded ref_silu_mul(Bounded gate, Bounded up) {
  const double s = gate.value / (1.0 + std::exp(-gate.value));
  const double value = s * up.value;
  return {value,
          8 * kRoundoff * std::abs(value) + 1.1 * gate.bound * std::abs(up.value) + std::abs(s) * up.bound + gate.bound * up.bound + 1e-34};
}

/// The largest error in units of its bound; infinity for NaN.
inline double worst(const std::vector<float>& actual, std::size_t first, const std::vector<Bounded>& expected) {
  double result = expected.empty() ? INFINITY : 0;  // nothing expected would be met by anything
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(static_cast<double>(actual.at(first + i)) - expected[i].value) / (expected[i].bound + 1e-37);
    if (!(error <= result)) result = std::isnan(error) ? INFINITY : error;
  }
  return result;
}

}  // namespace qbench::test
