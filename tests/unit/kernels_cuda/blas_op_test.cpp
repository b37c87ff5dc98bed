#include "kernels/cuda/blas.h"

#include <algorithm>

#include "kernels/cuda/dequantise.h"
#include "op_cases.h"
#include "tensor/float_formats.h"
#include "test_support.h"

namespace qbench::test {
namespace {

using tensor::DType;

TEST_CASE("quantised rows become the BF16 numbers that their type defines, padded with zeros") {
  emulated::Stream stream;
  for (const DType dtype : device_types()) {
    if (!emulated::reads_int8(dtype)) continue;
    CAPTURE(tensor::name_of(dtype));
    const std::int64_t block = tensor::info(dtype).block_elements;
    for (const std::int64_t cols : {block, 9 * block}) {
      const DeviceMatrix w(dtype, 5, cols, 7, stream);
      const auto padded = static_cast<std::size_t>(emulated::prepared_cols(cols));
      const auto to = to_device(std::vector<unsigned short>(6 * padded, 0x7fc0), stream);
      emulated::WeightRows from_second = w.view;
      from_second.data += w.view.row_bytes;
      emulated::dequantise({from_second, 4, to.as<unsigned short>(), false}, stream);
      const auto actual = to_host<unsigned short>(to, stream);
      bool equal = true;
      for (std::size_t r = 0; r < 4; ++r) {
        for (std::size_t c = 0; c < padded; ++c) {
          const float exact = c < static_cast<std::size_t>(cols) ? w.row(static_cast<std::int64_t>(r) + 1)[c] : 0.0F;
          // The scales' products are rounded once before the sum and once to bfloat16.
          const float error = std::abs(tensor::f32_from_bf16(actual[r * padded + c]) - exact);
          equal = equal && error <= 0x1.01p-8F * std::abs(exact) + 1e-6F;
        }
      }
      CHECK(equal);
      CHECK(std::count(actual.begin() + static_cast<std::ptrdiff_t>(4 * padded), actual.end(), 0x7fc0) ==
            static_cast<std::ptrdiff_t>(2 * padded));
    }
  }
}

struct BlasCase {
  DType dtype;
  std::int32_t rows, tokens, cols;
  bool accumulate, bias;
};

void check_blas(const BlasCase& c) {
  CAPTURE(c.rows);
  CAPTURE(c.tokens);
  emulated::Stream stream;
  const auto blas = emulated::open_blas();
  if (blas == nullptr) return report_skip("products by the library", "no libcublasLt.so.13 or .12 is found");
  const DeviceMatrix w(c.dtype, c.rows, c.cols, 7, stream);
  const auto x = normal_numbers(std::int64_t{c.tokens} * c.cols, 8);
  std::vector<unsigned short> h;
  std::vector<float> rounded;
  for (const float v : x) {
    h.push_back(c.dtype == DType::kF16 ? tensor::f16_from_f32(v) : tensor::bf16_from_f32(v));
    rounded.push_back(c.dtype == DType::kF16 ? tensor::f32_from_f16(h.back()) : tensor::f32_from_bf16(h.back()));
  }
  const auto device_h = to_device(h, stream);
  const auto bias = normal_numbers(c.rows, 9);
  const auto device_bias = to_device(bias, stream);
  const std::int64_t stride = c.rows + 8;
  const auto start = normal_numbers(c.tokens * stride, 10);
  const Guarded y(start, stream);
  const emulated::BlasShape shape{c.dtype, c.rows, c.tokens, c.cols, w.view.row_bytes / 2, c.cols, stride, c.accumulate, c.bias};
  const auto ways = blas->candidates(shape, 1 << 20, 8);
  REQUIRE(!ways.empty());
  const emulated::DeviceMemory workspace(std::max<std::size_t>(ways[0].workspace_bytes, 256));
  CHECK(blas->does(shape, ways[0], 1 << 20));
  blas->multiply({blas.get(), shape, w.view.data, device_h.as<unsigned short>(), c.bias ? device_bias.as<float>() : nullptr, y.data(),
                  ways[0], workspace.data()},
                 stream);
  const auto actual = y.read(stream);
  double worst = 0;
  for (std::int64_t t = 0; t < c.tokens; ++t) {
    for (std::int64_t r = 0; r < stride; ++r) {
      const auto at = static_cast<std::size_t>(t * stride + r);
      if (r >= c.rows) {
        CHECK(actual[at] == start[at]);
        continue;
      }
      const Product p = product(w.row(r), rounded.data() + t * c.cols, c.cols, Rounding::kNone);
      const double expected = p.value + (c.bias ? static_cast<double>(bias[static_cast<std::size_t>(r)]) : 0.0) +
                              (c.accumulate ? static_cast<double>(start[at]) : 0.0);
      const double error = std::abs(static_cast<double>(actual[at]) - expected) / (p.bound + 4 * kRoundoff * (std::abs(expected) + 10));
      worst = std::isnan(error) ? INFINITY : std::max(worst, error);
    }
  }
  CHECK(worst <= 1.0);
}

TEST_CASE("the library, or its twin, multiplies, adds the bias and what was there") {
  check_blas({DType::kBF16, 12, 5, 64, false, false});
  check_blas({DType::kBF16, 20, 3, 72, true, true});
  check_blas({DType::kF16, 4, 9, 128, false, true});
  check_blas({DType::kF16, 64, 1, 8, true, false});
}

#ifdef QB_CUDA_EMULATED
TEST_CASE("the twin refuses what the library would not take: sizes, strides, addresses, memory that is not there") {
  emulated::Stream stream;
  const auto blas = emulated::open_blas();
  const auto memory = to_device(std::vector<float>(1024, 0.0F), stream);
  auto* halves = memory.as<unsigned short>();
  const emulated::BlasArguments good{
      blas.get(), {DType::kBF16, 4, 4, 16, 16, 16, 4, false, false}, halves, halves + 64, nullptr, memory.as<float>() + 512, {}, nullptr};
  CHECK(error_of([&] { blas->multiply(good, stream); }).empty());
  const auto refuses = [&](const auto& change) {
    emulated::BlasArguments bad = good;
    change(bad);
    return !error_of([&] { blas->multiply(bad, stream); }).empty();
  };
  CHECK(refuses([](auto& a) { a.shape.cols = 12; }));
  CHECK(refuses([](auto& a) { a.shape.w_stride = 8; }));
  CHECK(refuses([](auto& a) { a.shape.y_stride = 5; }));
  CHECK(refuses([](auto& a) { a.shape.bias = true; }));
  CHECK(refuses([](auto& a) { a.y += 1; }));
  CHECK(refuses([](auto& a) { a.shape.tokens = 400; }));
  CHECK(refuses([](auto& a) { a.w = nullptr; }));
}
#endif

}  // namespace
}  // namespace qbench::test
