#include <doctest/doctest.h>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/cuda_storage.h"
#include "backend/step_cases.h"
#include "kernels/cuda/emulation/control.h"

namespace qbench::backend::cuda_emulated {
namespace {

using namespace qbench::test;  // NOLINT: the test's own helpers
using tensor::DType;

std::unique_ptr<Backend> new_device(std::uint64_t seed = 0) {
  kernels::set_emulation({.seed = seed});
  return make_cuda_backend();
}

/// Inputs with what rounding them and dequantised weights to the tensor cores' 16 bits may move each term by: 2^-9 for each of the two.
std::vector<Bounded> rounded_row(const std::vector<float>& x, std::int64_t row, std::int64_t cols, DType dtype) {
  auto h = exact(x.data() + row * cols, cols);
  for (Bounded& v : h) v.bound = (dtype == DType::kF16 ? 0x1.1p-11 : 0x1.02p-8) * std::abs(v.value) + 1e-7;
  return h;
}

/// x += in w^T for so many tokens, against double precision.
void check_projection(Backend& device, DType dtype, std::int64_t rows, std::int64_t cols, std::int32_t tokens) {
  CAPTURE(tensor::name_of(dtype));
  CAPTURE(rows);
  CAPTURE(cols);
  CAPTURE(tokens);
  const Weights w(rows, cols, 1, dtype);
  const auto matrix = load(device, {&w});
  OwnedBatch batch;
  batch.add(0, 0, tokens);
  const auto in = normal_numbers(tokens * cols, 2);
  auto x = normal_numbers(tokens * rows, 3);
  const auto start = x;
  x.resize(x.size() + kGuard, kCanary);
  const auto in_buffer = device.load_vector(in);
  const auto x_buffer = device.load_vector(x);
  device.begin_step(batch.view());
  device.project_residual(*matrix, *in_buffer, *x_buffer);
  device.end_step();
  const auto actual = read_guarded(device, *x_buffer);
  double largest = 0;
  for (std::int64_t t = 0; t < tokens; ++t) {
    const auto h = rounded_row(in, t, cols, dtype);
    std::vector<Bounded> expected;
    for (std::int64_t r = 0; r < rows; ++r) {
      Bounded dot = ref_dot(w.row(r), h);
      dot.value += static_cast<double>(start[static_cast<std::size_t>(t * rows + r)]);
      dot.bound += kRoundoff * (std::abs(dot.value) + 10);
      expected.push_back(dot);
    }
    largest = std::max(largest, worst(actual, static_cast<std::size_t>(t * rows), expected));
  }
  CHECK(largest <= 1.0);
}

TEST_CASE("a prompt's products agree with double precision for every kernel and library path, on sizes off every tile") {
  const auto device = new_device();
  for (const std::int32_t tokens : {5, 16, 33, 64, 65, 129}) check_projection(*device, DType::kBF16, 132, 100, tokens);
  for (const std::int32_t tokens : {7, 70}) {
    check_projection(*device, DType::kF16, 132, 100, tokens);
    check_projection(*device, DType::kBF16, 75, 36, tokens);  // rows of the result that the library cannot take
    check_projection(*device, DType::kBF16, 1, 8, tokens);
  }
  for (const std::int32_t tokens : {9, 65, 511, 520}) check_projection(*device, DType::kQ4_0, 36, 96, tokens);
  check_projection(*device, DType::kQ8_0, 20, 32, 520);
  check_projection(*device, DType::kF32, 12, 40, 520);
}

TEST_CASE("the library's work memory comes with the first prompt that needs it, and is part of what a device with memory for it takes") {
  const auto device = new_device();
  const std::uint64_t before = kernels::allocated_bytes();
  check_projection(*device, DType::kBF16, 64, 64, 64);
  CHECK(kernels::allocated_bytes() - before < (std::uint64_t{16} << 20));
  check_projection(*device, DType::kBF16, 64, 64, 65);
  CHECK(kernels::allocated_bytes() - before >= (std::uint64_t{32} << 20));
}

/// q of a step of `tokens` tokens, and what attention over its own keys and values gives, so that those are compared too.
std::vector<float> projected(Backend& device, const Matrix& qkv, const Buffer* bias, std::int32_t tokens, bool one_by_one) {
  constexpr std::int64_t kHidden = 96, kHeads = 4, kKvHeads = 2, kDim = 32;
  const auto norm = device.load_vector(normal_numbers(kHidden, 5));
  const AttentionInput input{norm.get(), &qkv, bias, nullptr, nullptr, kHeads, kKvHeads, kDim, 1e-6F};
  const Rope rope{kDim, std::vector<double>(kDim / 2, 0.01), 1.0};
  const auto cache = device.make_kv_cache({1, kKvHeads, kDim, 1, 128, DType::kF32});
  const auto x = normal_numbers(tokens * kHidden, 6);
  std::vector<float> all;
  for (std::int32_t t = 0; t < tokens; t += one_by_one ? 1 : tokens) {
    const std::int32_t count = one_by_one ? 1 : tokens;
    OwnedBatch batch;
    batch.add(0, t, count);
    const auto x_buffer = device.load_vector(std::vector<float>(x.begin() + t * kHidden, x.begin() + (t + count) * kHidden));
    const auto q = guarded(device, count * kHeads * kDim);
    const auto out = guarded(device, count * kHeads * kDim);
    device.begin_step(batch.view());
    device.norm_qkv_rope_append(input, rope, 0, *x_buffer, *q, *cache);
    device.attention(input, 0, 0, *q, *cache, *out);
    device.end_step();
    for (const Buffer* result : {q.get(), out.get()}) {
      const auto numbers = read_guarded(device, *result);
      all.insert(all.end(), numbers.begin(), numbers.end());
    }
  }
  return all;
}

TEST_CASE("the bias of q, k and v is added once, by the library where it multiplies and after it elsewhere") {
  const auto device = new_device();
  const Weights q(128, 96, 1, DType::kBF16), k(64, 96, 2, DType::kBF16), v(64, 96, 3, DType::kBF16), other(64, 96, 3, DType::kQ8_0);
  const auto bias = device->load_vector(normal_numbers(256, 4, 3.0));
  for (const auto& parts : {std::vector<const tensor::RowSource*>{&q, &k, &v}, std::vector<const tensor::RowSource*>{&q, &k, &other}}) {
    const auto qkv = load(*device, parts);
    const auto alone = projected(*device, *qkv, bias.get(), 70, true);
    const auto together = projected(*device, *qkv, bias.get(), 70, false);
    REQUIRE(alone.size() == together.size());
    constexpr std::size_t kNumbers = 128;
    double largest = 0;
    for (std::size_t t = 0; t < 70; ++t) {
      for (std::size_t i = 0; i < kNumbers; ++i) {
        largest =
            std::max(largest, std::abs(static_cast<double>(alone[2 * kNumbers * t + i]) - static_cast<double>(together[kNumbers * t + i])));
        const double attended = static_cast<double>(together[kNumbers * (70 + t) + i]);
        largest = std::max(largest, std::abs(static_cast<double>(alone[2 * kNumbers * t + kNumbers + i]) - attended));
      }
    }
    CHECK(largest < 0.15);  // sums of 96 terms near 1 / sqrt(96) each off by 2^-8; a bias of 3 missing or twice would be far beyond
  }
}

}  // namespace
}  // namespace qbench::backend::cuda_emulated
