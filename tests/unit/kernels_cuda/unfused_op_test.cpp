#include "kernels/cuda/unfused.h"

#include <algorithm>

#include "kernels/cuda/attention_materialised.h"
#include "op_cases.h"
#include "tensor/float_formats.h"

namespace qbench::test {
namespace {

/// The largest error in units of `bound` of the value it belongs to.
double worst_error(const std::vector<float>& actual, const std::vector<double>& expected, double relative, double absolute) {
  double worst = actual.size() == expected.size() ? 0.0 : INFINITY;
  for (std::size_t i = 0; i < std::min(actual.size(), expected.size()); ++i) {
    const double error = std::abs(static_cast<double>(actual[i]) - expected[i]) / (relative * std::abs(expected[i]) + absolute);
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  return worst;
}

std::vector<double> normalised(const float* x, const float* norm, std::size_t n, double eps) {
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  std::vector<double> result;
  for (std::size_t i = 0; i < n; ++i)
    result.push_back(static_cast<double>(x[i]) / std::sqrt(squares / static_cast<double>(n) + eps) * static_cast<double>(norm[i]));
  return result;
}

}  // namespace

TEST_CASE("rms_norm normalises the rows that are asked for, for widths around a block") {
  for (const std::int32_t cols : {8, 255, 256, 300, 1030}) {
    emulated::Stream stream;
    const auto x = normal_numbers(5 * cols, 1), norm = normal_numbers(cols, 2);
    const std::vector<std::int32_t> rows{4, 0, 2};
    const auto device_x = to_device(x, stream), device_norm = to_device(norm, stream), device_rows = to_device(rows, stream);
    const Guarded h(std::vector<float>(static_cast<std::size_t>(3 * cols), kCanary), stream);
    emulated::rms_norm({device_x.as<float>(), device_rows.as<std::int32_t>(), device_norm.as<float>(), 1e-5F, 3, cols, h.data(), true}, stream);
    std::vector<double> expected;
    for (const std::int32_t row : rows) {
      const auto one = normalised(x.data() + row * cols, norm.data(), static_cast<std::size_t>(cols), static_cast<double>(1e-5F));
      expected.insert(expected.end(), one.begin(), one.end());
    }
    CHECK(worst_error(h.read(stream), expected, (0.5 * cols + 6) * kRoundoff, 1e-37) < 1);
  }
}

TEST_CASE("add_bias adds one row to every token") {
  for (const std::int32_t cols : {1, 256, 300}) {
    emulated::Stream stream;
    const auto start = normal_numbers(3 * cols, 1), bias = normal_numbers(cols, 2);
    const auto device_bias = to_device(bias, stream);
    const Guarded x(start, stream);
    emulated::add_bias({device_bias.as<float>(), 3, cols, x.data(), true}, stream);
    std::vector<double> expected;
    for (std::size_t i = 0; i < start.size(); ++i) {
      expected.push_back(static_cast<double>(start[i]) + static_cast<double>(bias[i % static_cast<std::size_t>(cols)]));
    }
    CHECK(worst_error(x.read(stream), expected, kRoundoff, 1e-37) <= 1);
  }
}

TEST_CASE("norm_heads and rotate_heads change query and key heads by their own norm and position, and leave values alone") {
  constexpr std::int32_t kTokens = 3, kHeads = 4, kKvHeads = 2, kDim = 24, kRotary = 16;
  constexpr std::int32_t kAll = kHeads + 2 * kKvHeads, kHalf = kRotary / 2;
  emulated::Stream stream;
  const auto start = normal_numbers(kTokens * kAll * kDim, 1), q_norm = normal_numbers(kDim, 2);
  const std::vector<std::int32_t> positions{7, 0, 3};
  const auto cosines = normal_numbers(8 * kHalf, 3), sines = normal_numbers(8 * kHalf, 4);
  const auto device_norm = to_device(q_norm, stream), device_cos = to_device(cosines, stream), device_sin = to_device(sines, stream);
  const auto device_positions = to_device(positions, stream);
  const Guarded qkv(start, stream);
  emulated::norm_heads({device_norm.as<float>(), nullptr, 1e-6F, kTokens, kHeads, kKvHeads, kDim, qkv.data(), true}, stream);
  std::vector<double> expected(start.begin(), start.end());
  for (std::size_t row = 0; row < std::size_t{kTokens} * kAll; ++row) {
    if (row % kAll >= kHeads) continue;  // k_norm is missing: keys stay
    const auto one = normalised(start.data() + row * kDim, q_norm.data(), kDim, static_cast<double>(1e-6F));
    std::copy(one.begin(), one.end(), expected.begin() + static_cast<std::ptrdiff_t>(row * kDim));
  }
  CHECK(worst_error(qkv.read(stream), expected, 30 * kRoundoff, 1e-37) < 1);

  emulated::rotate_heads({device_positions.as<std::int32_t>(), device_cos.as<float>(), device_sin.as<float>(), kTokens, kHeads, kKvHeads, kDim, kRotary,
                          qkv.data(), true},
                         stream);
  for (std::size_t row = 0; row < std::size_t{kTokens} * kAll; ++row) {
    if (row % kAll >= kHeads + kKvHeads) continue;
    const auto angle = static_cast<std::size_t>(positions[row / kAll]) * kHalf;
    for (std::size_t j = 0; j < kHalf; ++j) {
      double& a = expected[row * kDim + j];
      double& b = expected[row * kDim + j + kHalf];
      const double c = static_cast<double>(cosines[angle + j]), s = static_cast<double>(sines[angle + j]);
      const double first = a;
      a = first * c - b * s;
      b = b * c + first * s;
    }
  }
  CHECK(worst_error(qkv.read(stream), expected, 40 * kRoundoff, 40 * kRoundoff) < 1);
}

TEST_CASE("scores, softmax and values are attention over every type of cache, with and without a window") {
  constexpr std::int32_t kTokens = 3, kHeads = 4, kKvHeads = 2, kDim = 32, kPositions = 130;
  const std::vector<std::int32_t> positions{129, 0, 70}, sequences{0, 1, 0};
  for (const auto dtype : {tensor::DType::kF32, tensor::DType::kF16, tensor::DType::kBF16}) {
    for (const std::int32_t window : {0, 20}) {
      emulated::Stream stream;
      emulated::AttentionMaterialisedArguments a{};
      a.layout = emulated::make_kv_layout(dtype, kDim, kKvHeads, 2, kPositions);
      // Whole small numbers, which every type holds.
      const auto cache_number = [](std::int64_t sequence, std::int64_t head, std::int64_t position, std::int64_t d, bool value) {
        return static_cast<float>((sequence * 5 + head * 3 + position * 7 + d * (value ? 2 : 1)) % 9 - 4) * 0.25F;
      };
      std::vector<unsigned char> cache(static_cast<std::size_t>(a.layout.head_offset(1, 0, 0)));
      for (std::int64_t s = 0; s < 2; ++s) {
        for (std::int64_t h = 0; h < kKvHeads; ++h) {
          for (const bool value : {false, true}) {
            unsigned char* plane = cache.data() + a.layout.head_offset(0, s, h) + (value ? a.layout.v : 0);
            for (std::int64_t i = 0; i < std::int64_t{kPositions} * kDim; ++i) {
              const float number = cache_number(s, h, i / kDim, i % kDim, value);
              tensor::quantize_row(dtype, &number, reinterpret_cast<std::byte*>(plane) + i * emulated::kv_number_bytes(dtype), 1);
            }
          }
        }
      }
      const auto q = normal_numbers(kTokens * kHeads * kDim, 5);
      const auto device_q = to_device(q, stream), device_cache = to_device(cache, stream), device_positions = to_device(positions, stream),
                 device_sequences = to_device(sequences, stream);
      const Guarded scores(std::vector<float>(std::size_t{kTokens} * kHeads * kPositions, kCanary), stream);
      const Guarded out(std::vector<float>(std::size_t{kTokens} * kHeads * kDim, kCanary), stream);
      a.q = device_q.as<float>();
      a.cache = device_cache.as<unsigned char>();
      a.positions = device_positions.as<std::int32_t>();
      a.sequences = device_sequences.as<std::int32_t>();
      a.tokens = kTokens;
      a.heads = kHeads;
      a.window = window;
      a.scores = scores.data();
      a.out = out.data();
      a.programmatic = true;
      emulated::attention_scores({a}, stream);
      emulated::attention_softmax({a}, stream);
      emulated::attention_values({a}, stream);

      std::vector<double> expected;
      for (std::size_t t = 0; t < kTokens; ++t) {
        const std::int64_t last = positions[t], first = window > 0 ? std::max<std::int64_t>(0, last - window + 1) : 0;
        for (std::int64_t head = 0; head < kHeads; ++head) {
          const std::int64_t kv_head = head / (kHeads / kKvHeads);
          std::vector<double> weights;
          double largest = -INFINITY, total = 0;
          for (std::int64_t p = first; p <= last; ++p) {
            double score = 0;
            for (std::int64_t d = 0; d < kDim; ++d)
              score += static_cast<double>(q[(t * kHeads + static_cast<std::size_t>(head)) * kDim + static_cast<std::size_t>(d)]) *
                       static_cast<double>(cache_number(sequences[t], kv_head, p, d, false));
            weights.push_back(score / std::sqrt(static_cast<double>(kDim)));
            largest = std::max(largest, weights.back());
          }
          for (double& w : weights) total += w = std::exp(w - largest);
          for (std::int64_t d = 0; d < kDim; ++d) {
            double sum = 0;
            for (std::size_t i = 0; i < weights.size(); ++i)
              sum += weights[i] / total * static_cast<double>(cache_number(sequences[t], kv_head, first + static_cast<std::int64_t>(i), d, true));
            expected.push_back(sum);
          }
        }
      }
      // Scores err by dim roundoffs of at most sqrt(dim) |q| |k|, which weights see as relative errors; values are at most 1.
      CHECK(worst_error(out.read(stream), expected, 0, (kDim * 8 + kPositions) * kRoundoff) < 1);
      const auto written = scores.read(stream);
      for (std::int32_t p = 0; p < kPositions; ++p) {  // token 2 sees positions up to 70 only
        const bool seen = p <= 70 && (window == 0 || p > 70 - window);
        CHECK((written[static_cast<std::size_t>(2 * kHeads * kPositions + p)] == kCanary) == !seen);
      }
    }
  }
}

}  // namespace qbench::test
