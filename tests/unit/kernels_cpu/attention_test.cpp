#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "kernel_cases.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/kv_cache.h"
#include "tensor/convert.h"

namespace qbench::kernels::cpu {
namespace {

using tensor::DType;
using test::kRoundoff;

/// x rounded to `bits` significant bits, but to multiples of 2^-24 at least (float16's subnormals), ties to even.
double round_to_bits(double x, int bits) {
  if (x == 0) return 0;
  const int exponent = std::max(std::ilogb(x) - bits + 1, bits == 11 ? -24 : -1000);
  return std::ldexp(std::nearbyint(std::ldexp(x, -exponent)), exponent);
}

/// What the cache of that type holds of a row.
std::vector<double> stored(DType dtype, const float* x, std::size_t n) {
  std::vector<double> result(x, x + n);
  if (dtype == DType::kBF16) {
    for (double& v : result) v = round_to_bits(v, 8);
  } else if (dtype == DType::kF16) {
    for (double& v : result) v = round_to_bits(v, 11);
  } else if (dtype == DType::kFP8) {
    float largest = 0;
    for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(x[i]));
    const double scale = round_to_bits(static_cast<double>(largest / 448.0F), 8);
    for (double& v : result) {
      const double y = std::clamp(v / scale, -448.0, 448.0);
      const double step = std::ldexp(1.0, std::max(y == 0 ? -9 : std::ilogb(y), -6) - 3);
      v = scale * step * std::nearbyint(y / step);
    }
  } else if (dtype == DType::kQ8_0) {
    for (std::size_t b = 0; b < n; b += 32) {
      float largest = 0;
      for (std::size_t i = b; i < b + 32; ++i) largest = std::max(largest, std::abs(x[i]));
      const double scale = round_to_bits(static_cast<double>(largest / 127.0F), 11);
      const float inverse = 127.0F / largest;
      for (std::size_t i = b; i < b + 32; ++i) result[i] = scale * static_cast<double>(std::nearbyint(x[i] * inverse));
    }
  }
  return result;
}

struct Case {
  std::size_t head_dim, group;
  std::size_t first;  ///< position of the first token
  std::size_t tokens;
  std::int64_t window;
};

struct Data {
  std::vector<float> q;                 ///< (tokens, group, head_dim)
  std::vector<float> k, v;              ///< (positions, head_dim)
  std::vector<double> expected, bound;  ///< (tokens, group, head_dim)
};

/// Softmax attention as the formula says, in double, with what the cache holds. The bound: a score is a sum of head_dim products, off by at
/// most (head_dim + 3) roundoffs of scale sum|q k|, call it delta; a weight is then off by the factor e^(2 delta) and 4 roundoffs of exp;
/// the weighted sum of n values and its rescaling per block of 64 add n + 2 n / 64 + 6 roundoffs of sum w |v|.
Data make_data(const Case& c, DType dtype) {
  const std::size_t positions = c.first + c.tokens;
  Data data;
  data.q = test::normal_numbers(c.tokens * c.group * c.head_dim, 1 + c.head_dim, 1.5);
  data.k = test::normal_numbers(positions * c.head_dim, 2 + c.group, 1.5);
  data.v = test::normal_numbers(positions * c.head_dim, 3 + c.first);
  std::vector<std::vector<double>> k;
  std::vector<std::vector<double>> v;
  for (std::size_t p = 0; p < positions; ++p) {
    k.push_back(stored(dtype, data.k.data() + p * c.head_dim, c.head_dim));
    v.push_back(stored(dtype, data.v.data() + p * c.head_dim, c.head_dim));
  }
  data.expected.resize(data.q.size());
  data.bound.resize(data.q.size());
  const double scale = 1.0 / std::sqrt(static_cast<double>(c.head_dim));
  for (std::size_t row = 0; row < c.tokens * c.group; ++row) {
    const std::size_t position = c.first + row / c.group;
    const std::size_t from =
        c.window > 0 && position + 1 > static_cast<std::size_t>(c.window) ? position + 1 - static_cast<std::size_t>(c.window) : 0;
    const float* q = data.q.data() + row * c.head_dim;
    std::vector<double> weights;
    double largest = -1e300;
    double delta = 0;
    for (std::size_t p = from; p <= position; ++p) {
      double score = 0;
      double absolute = 0;
      for (std::size_t d = 0; d < c.head_dim; ++d) {
        score += q[d] * k[p][d];
        absolute += std::abs(q[d] * k[p][d]);
      }
      delta = std::max(delta, absolute * scale * static_cast<double>(c.head_dim + 3) * kRoundoff);
      weights.push_back(score * scale);
      largest = std::max(largest, score * scale);
    }
    double total = 0;
    for (double& w : weights) total += w = std::exp(w - largest);
    const auto n = static_cast<double>(weights.size());
    for (std::size_t d = 0; d < c.head_dim; ++d) {
      double sum = 0;
      double absolute = 0;
      for (std::size_t p = from; p <= position; ++p) {
        sum += weights[p - from] / total * v[p][d];
        absolute += weights[p - from] / total * std::abs(v[p][d]);
      }
      data.expected[row * c.head_dim + d] = sum;
      data.bound[row * c.head_dim + d] = absolute * (4 * delta + (n + 2 * n / 64 + 14) * kRoundoff) + 1e-30;
    }
  }
  return data;
}

struct FreeDeleter {
  void operator()(void* p) const { std::free(p); }
};

/// 64-byte aligned bytes, all 0xff: NaN as float32, bfloat16 and float16, so that whatever reads an unwritten position shows it.
std::unique_ptr<std::byte, FreeDeleter> poisoned(std::size_t bytes) {
  std::unique_ptr<std::byte, FreeDeleter> memory(static_cast<std::byte*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64)));
  std::memset(memory.get(), 0xff, (bytes + 63) / 64 * 64);
  return memory;
}

/// A cache filled with a case's keys and values, and a batch whose tokens stand at odd rows, so that a wrong row shows.
struct Setup {
  Setup(const Case& c, const Data& data, DType dtype, Isa isa)
      : layout(make_kv_layout(dtype, static_cast<std::int64_t>(c.head_dim), static_cast<std::int64_t>(c.first + c.tokens))),
        cache(poisoned(static_cast<std::size_t>(layout.head_bytes()))),
        scratch(poisoned(static_cast<std::size_t>(attention_scratch(layout, static_cast<std::int64_t>(c.tokens * c.group))) * 4)),
        q(2 * data.q.size(), std::numeric_limits<float>::quiet_NaN()),
        out(2 * data.q.size()) {
    for (std::size_t p = 0; p < c.first + c.tokens; ++p) {
      append_kv_kernel(isa)(layout, cache.get(), static_cast<std::int64_t>(p), data.k.data() + p * c.head_dim,
                            data.v.data() + p * c.head_dim);
    }
    const std::size_t row = c.group * c.head_dim;
    positions.assign(2 * c.tokens, -1);
    for (std::size_t t = 0; t < c.tokens; ++t) {
      tokens.push_back(static_cast<std::int32_t>(2 * t + 1));
      positions[2 * t + 1] = static_cast<std::int32_t>(c.first + t);
      std::copy_n(data.q.data() + t * row, row, q.data() + (2 * t + 1) * row);
    }
    task.layout = &layout;
    task.cache = cache.get();
    task.q = q.data();
    task.out = out.data();
    task.q_stride = static_cast<std::int64_t>(row);
    task.tokens = tokens.data();
    task.positions = positions.data();
    task.count = static_cast<std::int64_t>(c.tokens);
    task.group = static_cast<std::int64_t>(c.group);
    segment = {0, static_cast<std::int64_t>(c.first + c.tokens), c.window, 0};
    task.segments = &segment;
    task.segment_count = 1;
    task.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(c.head_dim)));
  }

  KvLayout layout;
  std::unique_ptr<std::byte, FreeDeleter> cache;
  std::unique_ptr<std::byte, FreeDeleter> scratch;
  std::vector<float> q;
  test::GuardedNumbers out;
  std::vector<std::int32_t> tokens, positions;
  AttentionSegment segment{};
  AttentionTask task{};
};

/// The largest error in units of the bound; infinity for NaN or a touched canary.
double worst_error(const Case& c, const Data& data, const Setup& setup) {
  const std::size_t row = c.group * c.head_dim;
  double worst = setup.out.guards_intact() ? 0 : std::numeric_limits<double>::infinity();
  for (std::size_t t = 0; t < c.tokens; ++t) {
    for (std::size_t i = 0; i < row; ++i) {
      if (setup.out[2 * t * row + i] != test::kCanary) return std::numeric_limits<double>::infinity();
      const double error = std::abs(setup.out[(2 * t + 1) * row + i] - data.expected[t * row + i]) / data.bound[t * row + i];
      if (!(error <= worst)) worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
    }
  }
  return worst;
}

std::vector<Case> cases() {
  std::vector<Case> result;
  const std::vector<std::pair<std::size_t, std::size_t>> shapes = {{64, 3},  {64, 7}, {64, 1}, {96, 1}, {128, 2},
                                                                   {128, 8}, {40, 3}, {32, 5}, {256, 2}};
  const std::vector<std::pair<std::size_t, std::size_t>> spans = {{0, 1},   {1, 1}, {15, 1}, {16, 1}, {63, 1}, {64, 1},
                                                                  {299, 1}, {0, 3}, {0, 17}, {0, 70}, {62, 3}, {115, 17}};
  for (const auto& [head_dim, group] : shapes) {
    for (const auto& [first, tokens] : spans) {
      result.push_back({head_dim, group, first, tokens, 0});
    }
    for (const std::int64_t window : {1, 7, 64, 65, 100}) {
      result.push_back({head_dim, group, 130, 1, window});
      result.push_back({head_dim, group, 40, 30, window});
    }
  }
  return result;
}

void check_all(DType dtype) {
  for (const Case& c : cases()) {
    if (dtype == DType::kQ8_0 && c.head_dim % 32 != 0) continue;
    const Data data = make_data(c, dtype);
    for (const Isa isa : test::available_isas("attention")) {
      CAPTURE(name_of(isa));
      CAPTURE(c.head_dim);
      CAPTURE(c.group);
      CAPTURE(c.first);
      CAPTURE(c.tokens);
      CAPTURE(c.window);
      Setup setup(c, data, dtype, isa);
      attention_kernels(isa).run(setup.task, reinterpret_cast<float*>(setup.scratch.get()));
      CHECK(worst_error(c, data, setup) <= 1.0);
    }
  }
}

TEST_CASE("attention over a float32 cache equals the formula in double") { check_all(DType::kF32); }
TEST_CASE("attention over a bfloat16 cache equals the formula on the rounded keys and values") { check_all(DType::kBF16); }
TEST_CASE("attention over a float16 cache equals the formula on the rounded keys and values") { check_all(DType::kF16); }
TEST_CASE("attention over a q8_0 cache equals the formula on the quantised keys and values") { check_all(DType::kQ8_0); }

TEST_CASE("attention over an fp8 cache equals the formula on the rounded keys and values") { check_all(DType::kFP8); }

TEST_CASE("partial results over position ranges join to the whole") {
  const Case c{64, 3, 299, 1, 0};
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16, DType::kQ8_0}) {
    CAPTURE(tensor::name_of(dtype));
    const Data data = make_data(c, dtype);
    for (const Isa isa : test::available_isas("attention parts")) {
      CAPTURE(name_of(isa));
      Setup setup(c, data, dtype, isa);
      const std::int64_t stride = setup.layout.padded_dim + 2;
      std::vector<float> partials(static_cast<std::size_t>(3 * 3 * stride), std::numeric_limits<float>::quiet_NaN());
      const std::int64_t cuts[] = {0, 128, 256, 300};
      for (int part = 0; part < 3; ++part) {
        setup.segment.begin = cuts[part];
        setup.segment.end = cuts[part + 1];
        setup.task.partial = partials.data() + part * 3 * stride;
        attention_kernels(isa).run(setup.task, reinterpret_cast<float*>(setup.scratch.get()));
      }
      for (std::int64_t g = 0; g < 3; ++g) {
        attention_kernels(isa).combine(partials.data() + g * stride, 3, 3 * stride, 64, setup.layout.padded_dim,
                                       setup.out.data() + 3 * 64 + g * 64);
      }
      CHECK(worst_error(c, data, setup) <= 1.0);
    }
  }
}

TEST_CASE("a query that is NaN spoils its own row only, and scores far apart do not overflow") {
  const Case c{64, 2, 70, 5, 0};
  Data data = make_data(c, DType::kF32);
  const std::size_t row = 2 * 64;
  data.q[2 * row] = std::numeric_limits<float>::quiet_NaN();
  for (std::size_t i = 0; i < 64; ++i) data.q[4 * row + i] *= 1000.0F;
  for (const Isa isa : test::available_isas("attention NaN")) {
    Setup setup(c, data, DType::kF32, isa);
    attention_kernels(isa).run(setup.task, reinterpret_cast<float*>(setup.scratch.get()));
    const auto out = [&](std::size_t token, std::size_t i) { return setup.out[(2 * token + 1) * row + i]; };
    CHECK(std::isnan(out(2, 0)));
    CHECK_FALSE(std::isnan(out(2, 64)));
    CHECK(std::abs(out(1, 5) - data.expected[row + 5]) <= data.bound[row + 5]);
    CHECK(std::abs(out(3, 5) - data.expected[3 * row + 5]) <= data.bound[3 * row + 5]);
    CHECK(std::isfinite(out(4, 0)));
  }
}

TEST_CASE("writing a position again overwrites it") {
  const Case c{64, 1, 20, 1, 0};
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16, DType::kQ8_0}) {
    CAPTURE(tensor::name_of(dtype));
    const Data data = make_data(c, dtype);
    for (const Isa isa : test::available_isas("append again")) {
      Setup setup(c, data, dtype, isa);
      const auto other = test::normal_numbers(64, 99);
      append_kv_kernel(isa)(setup.layout, setup.cache.get(), 7, other.data(), other.data());
      append_kv_kernel(isa)(setup.layout, setup.cache.get(), 7, data.k.data() + 7 * 64, data.v.data() + 7 * 64);
      attention_kernels(isa).run(setup.task, reinterpret_cast<float*>(setup.scratch.get()));
      CHECK(worst_error(c, data, setup) <= 1.0);
    }
  }
}

TEST_CASE("infinities and NaN in a cache show in the output") {
  constexpr std::size_t kDim = 64;
  for (const float broken : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> v = test::normal_numbers(kDim, 3);
    v[40] = broken;
    for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16, DType::kQ8_0}) {
      CAPTURE(tensor::name_of(dtype));
      for (const Isa isa : test::available_isas("broken cache")) {
        CAPTURE(name_of(isa));
        const Case c{kDim, 2, 70, 1, 0};
        Data data = make_data(c, dtype);
        Setup setup(c, data, dtype, isa);
        append_kv_kernel(isa)(setup.layout, setup.cache.get(), 5, v.data(), v.data());
        attention_kernels(isa).run(setup.task, reinterpret_cast<float*>(setup.scratch.get()));
        CHECK_FALSE(std::isfinite(setup.out[2 * kDim + 40]));
      }
    }
  }
}

}  // namespace
}  // namespace qbench::kernels::cpu
