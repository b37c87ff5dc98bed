#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "tensor/convert.h"

namespace qbench::tensor {
namespace {

constexpr std::int64_t kCols = 4096;
constexpr std::int64_t kRows = 64;

std::vector<std::byte> drawn(DType dtype, std::uint64_t seed, std::uint64_t tensor_id, std::int64_t row, double deviation = 0.02) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(row_bytes(dtype, kCols)));
  draw_row(dtype, seed, tensor_id, row, deviation, bytes.data(), kCols);
  return bytes;
}

std::vector<float> numbers(DType dtype, const std::vector<std::byte>& bytes) {
  std::vector<float> out(static_cast<std::size_t>(kCols));
  dequantize_row(dtype, bytes.data(), out.data(), kCols);
  return out;
}

}  // namespace

TEST_CASE("drawn rows of every type have the asked deviation, a mean of zero and no constant row") {
  for (const DTypeInfo& type : all_dtypes()) {
    CAPTURE(type.name);
    for (const double deviation : {1.0 / std::sqrt(896.0), 1.0 / std::sqrt(27648.0), 1.0}) {
      CAPTURE(deviation);
      double sum = 0.0, squares = 0.0;
      for (std::int64_t row = 0; row < kRows; ++row) {
        const std::vector<float> values = numbers(type.dtype, drawn(type.dtype, 5, 9, row, deviation));
        REQUIRE(*std::max_element(values.begin(), values.end()) > *std::min_element(values.begin(), values.end()));
        for (const float v : values) {
          REQUIRE(std::isfinite(v));
          sum += static_cast<double>(v);
          squares += static_cast<double>(v) * static_cast<double>(v);
        }
      }
      const auto n = static_cast<double>(kCols * kRows);
      // n = 262144 numbers; those of a block share a scale (and sometimes its sign), so at least n / 32 are independent: standard errors of
      // at most 1 / sqrt(8192) = 0.011 for the mean over the deviation, and half of that for the deviation. Five of them, plus the scale's
      // rounding.
      CHECK(std::fabs(sum / n) / deviation < 5 * 0.011);
      CHECK(std::fabs(std::sqrt(squares / n) / deviation - 1.0) < 5 * 0.0055 + 0.004);
    }
  }
}

TEST_CASE("drawn floats are normal") {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    CAPTURE(name_of(dtype));
    std::vector<double> all;
    for (std::int64_t row = 0; row < kRows; ++row) {
      for (const float v : numbers(dtype, drawn(dtype, 3, 1, row, 1.0))) all.push_back(static_cast<double>(v));
    }
    std::sort(all.begin(), all.end());
    double worst = 0.0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const double empirical = (static_cast<double>(i) + 0.5) / static_cast<double>(all.size());
      worst = std::max(worst, std::fabs(0.5 * std::erfc(-all[i] / std::sqrt(2.0)) - empirical));
    }
    // Kolmogorov-Smirnov at n = 262144: 1.63 / sqrt(n) = 0.0032 at 1 %. bf16 rounds by up to 2^-8 relative, Q8_0 by half of 2.6 / 127:
    // times the greatest of density times z (0.24) and the density (0.4).
    const double rounding = dtype == DType::kBF16 ? 0.24 * 0x1p-8 : dtype == DType::kQ8_0 ? 0.4 * 0.5 * 2.6 / 127 + 0.005 : 0.0;
    CHECK(worst < 0.0032 + rounding);
  }
}

TEST_CASE("a drawn row is a function of seed, tensor and row only") {
  for (const DTypeInfo& type : all_dtypes()) {
    CAPTURE(type.name);
    const std::vector<std::byte> row = drawn(type.dtype, 1, 2, 3);
    CHECK(row == drawn(type.dtype, 1, 2, 3));
    CHECK(row != drawn(type.dtype, 2, 2, 3));
    CHECK(row != drawn(type.dtype, 1, 3, 3));
    CHECK(row != drawn(type.dtype, 1, 2, 4));
    CHECK(row != drawn(type.dtype, 1, 3, 2));
  }
}

TEST_CASE("threads that draw at once get the rows that one thread gets") {
  std::vector<std::vector<std::byte>> rows(32);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([t, &rows] {
      for (std::size_t row = t; row < rows.size(); row += 4) rows[row] = drawn(DType::kQ4_K, 11, 4, static_cast<std::int64_t>(row));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t row = 0; row < rows.size(); ++row) CHECK(rows[row] == drawn(DType::kQ4_K, 11, 4, static_cast<std::int64_t>(row)));
}

TEST_CASE("drawing writes exactly the row, also where the floats do not fill the last word") {
  for (const std::int64_t elements : {1, 2, 3, 5, 1023}) {
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      const auto size = static_cast<std::size_t>(row_bytes(dtype, elements));
      std::vector<std::byte> bytes(size + 8, std::byte{0xa5});
      draw_row(dtype, 1, 1, 0, 0.5, bytes.data(), elements);
      CHECK(std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(size), bytes.end(), [](std::byte b) { return b == std::byte{0xa5}; }));
    }
  }
}

TEST_CASE("different rows of a router are nearly orthogonal") {
  std::vector<std::vector<float>> rows;
  for (std::int64_t row = 0; row < 16; ++row) rows.push_back(numbers(DType::kF32, drawn(DType::kF32, 1, 77, row, 1.0)));
  for (std::size_t a = 0; a < rows.size(); ++a) {
    for (std::size_t b = a + 1; b < rows.size(); ++b) {
      double dot = 0.0;
      for (std::size_t i = 0; i < rows[a].size(); ++i) dot += static_cast<double>(rows[a][i]) * static_cast<double>(rows[b][i]);
      CHECK(std::fabs(dot) / static_cast<double>(kCols) < 6.0 / std::sqrt(static_cast<double>(kCols)));  // six standard errors
    }
  }
}

}  // namespace qbench::tensor
