#include "kernels/cpu/matmul.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/cpu/matmul_layout.h"
#include "matmul_support.h"
#include "tensor/convert.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::kernels::cpu;
using namespace qbench::test;
using tensor::DType;

namespace {

constexpr std::int64_t kMaxRows = 33, kMaxTokens = 33;
constexpr std::array<std::int64_t, 5> kRows{1, 7, 16, 17, 33};
constexpr std::array<std::int64_t, 7> kTokens{1, 2, 3, 5, 8, 17, 33};

std::vector<std::int64_t> columns_for(DType dtype) {
  std::vector<std::int64_t> out;
  for (const std::int64_t cols : {32, 64, 256, 896, 1280, 4864}) {
    if (cols % tensor::info(dtype).block_elements == 0) out.push_back(cols);
  }
  if (tensor::info(dtype).block_elements == 1) out.insert(out.end(), {1, 37, 1025});
  return out;
}

/// What y must be, in double, and how far a correct float32 kernel may be off.
struct Expected {
  std::vector<double> value, tolerance;  // (tokens, kMaxRows)
};

/// Tolerance: every product and every sum rounds by at most u = 2^-24 of what is summed, S = sum_c |w_c x_c| (with minima: |scale part| and
/// |minimum part| apart, which at most triples S since |s q| <= |w| + |m| and |m| <= 16 max |w| in these tests; the factor below covers it).
/// n roundings that are not aligned add like sqrt(n): 4 sqrt(n) u S, n = cols, plus 8 u S for the handful of roundings a block has.
Expected expect(const MemoryRows& w, const std::vector<double>& inputs, std::int64_t tokens) {
  const std::int64_t cols = w.cols();
  Expected out;
  out.value.resize(static_cast<std::size_t>(tokens * kMaxRows));
  out.tolerance.resize(out.value.size());
  std::vector<float> row(static_cast<std::size_t>(cols));
  const double factor = (4.0 * std::sqrt(static_cast<double>(cols)) + 8.0) * 0x1p-24;
  for (std::int64_t r = 0; r < w.rows(); ++r) {
    tensor::dequantize_row(w.dtype(), w.row(r), row.data(), cols);
    for (std::int64_t t = 0; t < tokens; ++t) {
      double sum = 0, size = 0;
      for (std::int64_t c = 0; c < cols; ++c) {
        const double product = static_cast<double>(row[static_cast<std::size_t>(c)]) * inputs[static_cast<std::size_t>(t * cols + c)];
        sum += product;
        size += std::fabs(product);
      }
      out.value[static_cast<std::size_t>(t * kMaxRows + r)] = sum;
      out.tolerance[static_cast<std::size_t>(t * kMaxRows + r)] = factor * size;
    }
  }
  return out;
}

/// Numbers of y (tokens, rows) outside their tolerance.
int count_wrong(const std::vector<float>& y, const Expected& expected, std::int64_t tokens, std::int64_t rows) {
  int wrong = 0;
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto at = static_cast<std::size_t>(t * kMaxRows + r);
      const double off = std::fabs(static_cast<double>(y[static_cast<std::size_t>(t * rows + r)]) - expected.value[at]);
      if (!(off <= expected.tolerance[at])) ++wrong;
    }
  }
  return wrong;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Runs the body for every set of kernels, or says that it was skipped.
template <class Body>
void for_each_set(const char* test, Body&& body) {
  for (const KernelSet& set : kernel_sets()) {
    if (!set.here) {
      report_skip(std::string(test) + ", " + set.name, "this processor does not have it");
      continue;
    }
    CAPTURE(set.name);
    body(set);
  }
}

std::unique_ptr<PackedMatrix> pack(const MemoryRows& rows, const KernelSet& set) { return pack_matrix(rows, set.isa, set.features, serial()); }

}  // namespace

TEST_CASE("every type's product agrees with a double-precision product of the same numbers, on every instruction set, at every size") {
  for_each_set("matmul products", [](const KernelSet& set) {
    for (const tensor::DTypeInfo& type : tensor::all_dtypes()) {
      CAPTURE(type.name);
      for (const std::int64_t cols : columns_for(type.dtype)) {
        CAPTURE(cols);
        MemoryRows rows(type.dtype, kMaxRows, cols);
        fill_random(rows, 7 + static_cast<std::uint64_t>(cols), Scales::kPlain);
        const std::vector<float> x = random_inputs(kMaxTokens, cols, 11);
        Expected expected;
        for (const std::int64_t count : kRows) {
          rows.set_rows(count);
          const auto matrix = pack(rows, set);
          if (expected.value.empty()) {
            rows.set_rows(kMaxRows);
            expected = expect(rows, multiply(*matrix, set.isa, x, kMaxTokens).inputs, kMaxTokens);
          }
          for (const std::int64_t tokens : kTokens) {
            CAPTURE(count);
            CAPTURE(tokens);
            CHECK(count_wrong(multiply(*matrix, set.isa, x, tokens).y, expected, tokens, count) == 0);
          }
        }
      }
    }
  });
}

TEST_CASE("one block's scale that is one percent off is outside the tolerance, for every type and instruction set") {
  for_each_set("matmul planted error", [](const KernelSet& set) {
    for (const tensor::DTypeInfo& type : tensor::all_dtypes()) {
      CAPTURE(type.name);
      const std::int64_t cols = type.block_elements == 1 ? 64 : 1024;
      MemoryRows rows(type.dtype, kMaxRows, cols);
      fill_random(rows, 3, Scales::kPlain);
      const std::vector<float> x = random_inputs(1, cols, 4);
      MemoryRows wrong = rows;
      for (std::int64_t r = 0; r < kMaxRows; ++r) scale_block(wrong, r, 1, 1.01f);
      const Product product = multiply(*pack(wrong, set), set.isa, x, 1);
      CHECK(count_wrong(product.y, expect(wrong, product.inputs, 1), 1, kMaxRows) == 0);
      CHECK(count_wrong(product.y, expect(rows, product.inputs, 1), 1, kMaxRows) > kMaxRows / 2);
    }
  });
}

TEST_CASE("a result depends neither on how rows are split between calls nor on the tokens beside it") {
  for_each_set("matmul invariance", [](const KernelSet& set) {
    for (const tensor::DTypeInfo& type : tensor::all_dtypes()) {
      CAPTURE(type.name);
      const std::int64_t cols = 2304, rows_count = 85, tokens = 14;  // three chunks, the last incomplete; six tiles, the last incomplete
      MemoryRows rows(type.dtype, rows_count, cols);
      fill_random(rows, 21, Scales::kPlain);
      const auto matrix = pack(rows, set);
      const std::vector<float> x = random_inputs(tokens, cols, 22);
      const std::vector<float> whole = multiply(*matrix, set.isa, x, tokens).y;

      std::vector<Q8Block> storage(static_cast<std::size_t>(prepared_bytes(matrix->input_kind(), tokens, cols) / 64 + 1));
      std::byte* prepared = reinterpret_cast<std::byte*>(storage.data());
      prepare_input(matrix->input_kind(), set.isa, {x.data(), cols, nullptr, tokens, cols}, 0, tokens, prepared);
      std::vector<float> split(whole.size());
      const std::int64_t step = matrix->row_granularity();
      for (std::int64_t begin = 0; begin < rows_count; begin += step) {
        matrix->multiply(prepared, tokens, split.data(), rows_count, begin, std::min(begin + step, rows_count), false);
      }
      CHECK(same_bits(whole, split));

      std::vector<float> alone;
      for (std::int64_t t = 0; t < tokens; ++t) {
        const std::vector<float> token(x.begin() + t * cols, x.begin() + (t + 1) * cols);
        const std::vector<float> y = multiply(*matrix, set.isa, token, 1).y;
        alone.insert(alone.end(), y.begin(), y.end());
      }
      CHECK(same_bits(whole, alone));
    }
  });
}

TEST_CASE("only the asked rows and tokens are written, and accumulate adds to what is there") {
  for_each_set("matmul canaries", [](const KernelSet& set) {
    for (const tensor::DTypeInfo& type : tensor::all_dtypes()) {
      for (const std::int64_t tokens : {1, 3, 7, 20}) {
        CAPTURE(type.name);
        CAPTURE(tokens);
        const std::int64_t cols = 1280, rows_count = 71, stride = rows_count + 9, begin = 16;
        MemoryRows rows(type.dtype, rows_count, cols);
        fill_random(rows, 5, Scales::kPlain);
        const auto matrix = pack(rows, set);
        const std::vector<float> x = random_inputs(tokens, cols, 6);
        const std::vector<float> plain = multiply(*matrix, set.isa, x, tokens).y;
        std::vector<Q8Block> storage(static_cast<std::size_t>(prepared_bytes(matrix->input_kind(), tokens, cols) / 64 + 1));
        std::byte* prepared = reinterpret_cast<std::byte*>(storage.data());
        prepare_input(matrix->input_kind(), set.isa, {x.data(), cols, nullptr, tokens, cols}, 0, tokens, prepared);
        for (const std::int64_t end : {std::int64_t{17}, std::int64_t{48}, std::int64_t{60}, rows_count}) {
          for (const bool accumulate : {false, true}) {
            std::vector<float> y(static_cast<std::size_t>((tokens + 1) * stride), 0.5f);
            matrix->multiply(prepared, tokens, y.data(), stride, begin, end, accumulate);
            int wrong = 0;
            for (std::int64_t at = 0; at < (tokens + 1) * stride; ++at) {
              const std::int64_t t = at / stride, r = at % stride;
              const bool asked = t < tokens && r >= begin && r < end;
              const float is = y[static_cast<std::size_t>(at)];
              if (!asked) {
                wrong += is != 0.5f;
              } else if (accumulate) {  // the chunks are added one by one: within their roundings
                const float sum = plain[static_cast<std::size_t>(t * rows_count + r)] + 0.5f;
                wrong += !(std::fabs(is - sum) <= 4e-7f * (std::fabs(sum) + 0.5f + 20.0f));
              } else {
                wrong += is != plain[static_cast<std::size_t>(t * rows_count + r)];
              }
            }
            CHECK(wrong == 0);
          }
        }
      }
    }
  });
}

TEST_CASE("zero, negative, huge and subnormal scales and extreme codes multiply as defined") {
  for_each_set("matmul hostile values", [](const KernelSet& set) {
    for (const tensor::DTypeInfo& type : tensor::all_dtypes()) {
      CAPTURE(type.name);
      const std::int64_t cols = 512;
      MemoryRows rows(type.dtype, kMaxRows, cols);
      fill_random(rows, 31, Scales::kHostile);
      const auto matrix = pack(rows, set);
      // Tokens: all at the top of the range with one sign (largest integer sums), the other sign, huge, tiny, subnormal, zero, random.
      std::vector<float> x = random_inputs(7, cols, 32);
      for (std::int64_t c = 0; c < cols; ++c) {
        const auto at = [&](std::int64_t t) -> float& { return x[static_cast<std::size_t>(t * cols + c)]; };
        at(0) = 1.0f;
        at(1) = -1.0f;
        at(2) *= 1e15f;
        at(3) *= 1e-20f;
        at(4) *= 1e-40f;
        at(5) = 0.0f;
      }
      const Product product = multiply(*matrix, set.isa, x, 7);
      Expected expected = expect(rows, product.inputs, 7);
      for (double& tolerance : expected.tolerance) {
        // Minima far larger than the numbers they leave: the parts are rounded at up to 2^11 times the result's size. Products below 2^-126
        // may round to subnormals or, with BF16 dot products, to zero.
        tolerance = tolerance * (type.block_elements > 1 ? 2048.0 : 1.0) + 0x1p-126 * static_cast<double>(cols);
      }
      CHECK(count_wrong(product.y, expected, 7, kMaxRows) == 0);
      for (std::int64_t r = 0; r < kMaxRows; ++r) CHECK(product.y[static_cast<std::size_t>(5 * kMaxRows + r)] == 0.0f);
    }
  });
}

TEST_CASE("an infinity or NaN in the input is not lost") {
  for_each_set("matmul non-finite input", [](const KernelSet& set) {
    for (const tensor::DTypeInfo& type : tensor::all_dtypes()) {
      for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        for (const std::int64_t tokens : {1, 9}) {
          CAPTURE(type.name);
          CAPTURE(bad);
          MemoryRows rows(type.dtype, 16, 256);
          fill_random(rows, 41, Scales::kPlain);
          std::vector<float> x = random_inputs(tokens, 256, 42);
          x[100] = bad;
          const std::vector<float> y = multiply(*pack(rows, set), set.isa, x, tokens).y;
          CHECK(std::none_of(y.begin(), y.begin() + 16, [](float value) { return std::isfinite(value); }));
          CHECK(std::all_of(y.begin() + 16, y.end(), [](float value) { return std::isfinite(value); }));
        }
      }
    }
  });
}

TEST_CASE("packing loses nothing: a row reads back bit for bit as the type defines it") {
  for (const tensor::DTypeInfo& type : tensor::all_dtypes()) {
    for (const Scales scales : {Scales::kPlain, Scales::kHostile}) {
      CAPTURE(type.name);
      const std::int64_t cols = type.block_elements == 1 ? 613 : 768, rows_count = 37;
      MemoryRows rows(type.dtype, rows_count, cols);
      fill_random(rows, 51, scales);
      const auto matrix = pack_matrix(rows, Isa::kScalar, {}, serial());
      CHECK(matrix->rows() == rows_count);
      CHECK(matrix->cols() == cols);
      CHECK(matrix->dtype() == type.dtype);
      int wrong = 0;
      std::vector<float> is(static_cast<std::size_t>(cols)), expected(static_cast<std::size_t>(cols));
      for (std::int64_t r = 0; r < rows_count; ++r) {
        matrix->read_row(r, is.data());
        tensor::dequantize_row(type.dtype, rows.row(r), expected.data(), cols);
        wrong += std::memcmp(is.data(), expected.data(), expected.size() * sizeof(float)) != 0;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("packed weights take no more than 6 percent over the file's bytes") {
  for (const tensor::DTypeInfo& type : tensor::all_dtypes()) {
    CAPTURE(type.name);
    MemoryRows rows(type.dtype, 64, 2048);
    fill_random(rows, 61, Scales::kPlain);
    const auto matrix = pack_matrix(rows, Isa::kScalar, {}, serial());
    CHECK(static_cast<double>(matrix->bytes()) <= 1.06 * static_cast<double>(64 * rows.row_bytes()));
  }
}

TEST_CASE("activations become 8-bit numbers within half a step, never -128, with their sums") {
  for_each_set("activation quantisation", [](const KernelSet& set) {
    const std::int64_t cols = 32 * 400;
    std::vector<float> x = random_inputs(1, cols, 71);
    for (std::int64_t c = 0; c < 32; ++c) x[static_cast<std::size_t>(c)] = c == 5 ? -3.0f : 0.0f;        // a lone negative extreme
    for (std::int64_t c = 32; c < 64; ++c) x[static_cast<std::size_t>(c)] = c % 2 == 0 ? 1e-44f : 0.0f;  // subnormal
    std::vector<Q8Block> blocks(400);
    prepare_input(InputKind::kQ8, set.isa, {x.data(), cols, nullptr, 1, cols}, 0, 1, reinterpret_cast<std::byte*>(blocks.data()));
    int wrong = 0;
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      const Q8Block& block = blocks[b];
      std::int32_t sums[2] = {0, 0};
      for (std::size_t j = 0; j < 32; ++j) {
        sums[j / 16] += block.q[j];
        const double off = std::fabs(static_cast<double>(x[32 * b + j]) - static_cast<double>(block.d) * block.q[j]);
        wrong += block.q[j] == -128 || off > 0.5001 * static_cast<double>(block.d) + 0x1p-119;
      }
      wrong += block.minus_sum != -(sums[0] + sums[1]) || block.minus_sum_half[0] != -sums[0] || block.minus_sum_half[1] != -sums[1];
      wrong += block.d_sum != block.d * static_cast<float>(sums[0] + sums[1]);
    }
    CHECK(wrong == 0);
    CHECK(blocks[0].q[5] == -127);
    CHECK(blocks[1].d == 0.0f);
  });
}

TEST_CASE("all instruction sets quantise activations to the same bits") {
  const std::int64_t cols = 32 * 64;
  const std::vector<float> x = random_inputs(1, cols, 81);
  std::vector<Q8Block> reference(64), other(64);
  prepare_input(InputKind::kQ8, Isa::kScalar, {x.data(), cols, nullptr, 1, cols}, 0, 1, reinterpret_cast<std::byte*>(reference.data()));
  for_each_set("activation bits", [&](const KernelSet& set) {
    prepare_input(InputKind::kQ8, set.isa, {x.data(), cols, nullptr, 1, cols}, 0, 1, reinterpret_cast<std::byte*>(other.data()));
    CHECK(std::memcmp(reference.data(), other.data(), sizeof(Q8Block) * 64) == 0);
  });
}

TEST_CASE("gathered and strided inputs are prepared row by row") {
  const std::int64_t cols = 64, stride = 70, tokens = 3;
  const std::vector<float> x = random_inputs(5, stride, 91);
  const std::array<std::int32_t, 3> gather{4, 0, 4};
  for (const InputKind kind : {InputKind::kF32, InputKind::kQ8}) {
    std::vector<Q8Block> gathered(64), alone(64);
    std::byte* to = reinterpret_cast<std::byte*>(gathered.data());
    prepare_input(kind, Isa::kScalar, {x.data(), stride, gather.data(), tokens, cols}, 0, 2, to);
    prepare_input(kind, Isa::kScalar, {x.data(), stride, gather.data(), tokens, cols}, 2, 3, to);
    const auto bytes = static_cast<std::size_t>(prepared_bytes(kind, 1, cols));
    for (std::size_t t = 0; t < gather.size(); ++t) {
      prepare_input(kind, Isa::kScalar, {x.data() + gather[t] * stride, cols, nullptr, 1, cols}, 0, 1, reinterpret_cast<std::byte*>(alone.data()));
      CHECK(std::memcmp(to + t * bytes, alone.data(), bytes) == 0);
    }
  }
}
