#include <algorithm>

#include "kernels/cuda/attention_decode.h"
#include "kernels/cuda/attention_prefill.h"
#include "op_cases.h"

namespace qbench::test {
namespace {

using tensor::DType;

struct Case {
  std::int32_t heads, kv_heads, dim, depth, window, splits;
  DType dtype;
  std::int32_t sinks = 0, ring = 0;  ///< positions that stay, and slots that those behind them share; no ring: 0

  std::int32_t slot(std::int32_t position) const { return ring == 0 || position < sinks ? position : sinks + (position - sinks) % ring; }
  /// The positions that a query at `position` sees.
  std::vector<std::int32_t> seen(std::int32_t position) const {
    std::vector<std::int32_t> all;
    for (std::int32_t p = 0; p <= position; ++p) {
      if (window == 0 || p > position - window || p < sinks) all.push_back(p);
    }
    return all;
  }
};

constexpr std::int32_t kSequence = 1;  // of 2
constexpr std::int32_t kLayer = 1;     // of 2

/// A cache on the device whose layer 1, sequence 1 holds `depth` positions of random keys and values, as the cache's type rounds them.
struct Cache {
  emulated::KvLayout layout;
  emulated::DeviceMemory memory;
  std::vector<std::vector<float>> k, v;  // (kv_heads) of (depth, dim)

  Cache(const Case& c, emulated::Stream& stream)
      : layout(emulated::make_kv_layout(c.dtype, c.dim, c.kv_heads, 2, c.ring > 0 ? c.sinks + c.ring : c.depth + 1,
                                        c.ring > 0 ? c.sinks : 0, c.ring)) {
    // The rest is NaN, which must reach no result.
    std::vector<unsigned char> bytes(static_cast<std::size_t>(layout.head_offset(2, 0, 0)), 0xff);
    for (std::int32_t head = 0; head < c.kv_heads; ++head) {
      unsigned char* block = bytes.data() + layout.head_offset(kLayer, kSequence, head);
      k.push_back(fill(c, block, block + layout.k_scales, 100 + static_cast<std::uint64_t>(head)));
      v.push_back(fill(c, block + layout.v, block + layout.v_scales, 200 + static_cast<std::uint64_t>(head)));
    }
    memory = to_device(bytes, stream);
  }

 private:
  /// Random codes with a scale for each position.
  static void fill_fp8(const Case& c, std::vector<float>& numbers, unsigned char* plane, unsigned char* scales) {
    for (std::int32_t p = 0; p < c.depth; ++p) {
      const std::uint16_t scale = tensor::bf16_from_f32(0.01F + 0.001F * static_cast<float>(p % 7));
      std::memcpy(scales + 2 * p, &scale, 2);
      for (std::int32_t d = 0; d < c.dim; ++d) {
        const auto at = static_cast<std::size_t>(p * c.dim + d);
        const std::uint8_t code = tensor::e4m3_from_f32(std::clamp(100.0F * numbers[at], -448.0F, 448.0F));
        plane[at] = code;
        numbers[at] = tensor::f32_from_e4m3(code) * tensor::f32_from_bf16(scale);
      }
    }
  }
  /// Each position's row in its slot, where later ones replace earlier ones.
  static std::vector<float> fill(const Case& c, unsigned char* plane, unsigned char* scales, std::uint64_t seed) {
    const auto row = static_cast<std::size_t>(c.dim * emulated::kv_number_bytes(c.dtype));
    const auto row_scales = static_cast<std::size_t>(2 * emulated::kv_scales(c.dtype, c.dim));
    std::vector<unsigned char> rows(static_cast<std::size_t>(c.depth) * row);
    std::vector<unsigned char> all_scales(static_cast<std::size_t>(c.depth) * row_scales + 1);
    auto numbers = fill_in_order(c, rows.data(), all_scales.data(), seed);
    for (std::int32_t p = 0; p < c.depth; ++p) {
      const auto from = static_cast<std::size_t>(p);
      const auto to = static_cast<std::size_t>(c.slot(p));
      std::memcpy(plane + to * row, rows.data() + from * row, row);
      std::memcpy(scales + to * row_scales, all_scales.data() + from * row_scales, row_scales);
    }
    return numbers;
  }
  static std::vector<float> fill_in_order(const Case& c, unsigned char* plane, unsigned char* scales, std::uint64_t seed) {
    auto numbers = normal_numbers(std::int64_t{c.depth} * c.dim, seed);
    if (c.dtype == DType::kFP8) {
      fill_fp8(c, numbers, plane, scales);
      return numbers;
    }
    const auto count = static_cast<std::int64_t>(numbers.size());
    std::vector<std::byte> stored(static_cast<std::size_t>(tensor::row_bytes(c.dtype, count)));
    tensor::quantize_row(c.dtype, numbers.data(), stored.data(), count);
    tensor::dequantize_row(c.dtype, stored.data(), numbers.data(), count);
    if (c.dtype != DType::kQ8_0) {
      std::memcpy(plane, stored.data(), stored.size());
      return numbers;
    }
    for (std::int64_t b = 0; b < count / 32; ++b) {
      std::memcpy(scales + 2 * b, stored.data() + 34 * b, 2);
      std::memcpy(plane + 32 * b, stored.data() + 34 * b + 2, 32);
    }
    return numbers;
  }
};

/// Largest error in units of its bound. `rounding`: relative, of the terms of scores and of results; `smallest`: absolute, of keys and
/// values.
double worst_error(const Case& c, const Cache& cache, const std::vector<float>& q, std::int32_t tokens, std::int32_t first_position,
                   const std::vector<float>& actual, double rounding, double smallest = 0) {
  double worst = 0;
  for (std::int32_t t = 0; t < tokens; ++t) {
    const std::int32_t position = first_position + t;
    const std::vector<std::int32_t> seen = c.seen(position);
    for (std::int32_t head = 0; head < c.heads; ++head) {
      const float* query = q.data() + (static_cast<std::int64_t>(t) * c.heads + head) * c.dim;
      const auto kv = static_cast<std::size_t>(head / (c.heads / c.kv_heads));
      std::vector<double> weights;
      double largest = -INFINITY;
      double delta = 0;
      for (const std::int32_t p : seen) {
        double score = 0;
        double absolute = 0;
        double below = 0;
        for (std::int32_t d = 0; d < c.dim; ++d) {
          const double term = static_cast<double>(query[d]) * static_cast<double>(cache.k[kv][static_cast<std::size_t>(p * c.dim + d)]);
          score += term;
          absolute += std::abs(term);
          below += smallest * std::abs(static_cast<double>(query[d]));
        }
        const double scale = 1.0 / std::sqrt(static_cast<double>(c.dim));
        weights.push_back(score * scale);
        largest = std::max(largest, score * scale);
        delta = std::max(delta, scale * (absolute * ((c.dim + 8) * kRoundoff + rounding) + below));
      }
      double total = 0;
      for (double& w : weights) total += w = std::exp(w - largest);
      const double relative = std::expm1(2 * delta) + (static_cast<double>(weights.size()) + 40) * kRoundoff + rounding;
      for (std::int32_t d = 0; d < c.dim; ++d) {
        double value = 0;
        double bound = 1e-30 + smallest;
        for (std::size_t i = 0; i < seen.size(); ++i) {
          const double term = weights[i] / total * static_cast<double>(cache.v[kv][static_cast<std::size_t>(seen[i] * c.dim + d)]);
          value += term;
          bound += relative * std::abs(term);
        }
        const double error =
            std::abs(static_cast<double>(actual[static_cast<std::size_t>((t * c.heads + head) * c.dim + d)]) - value) / bound;
        worst = std::isnan(error) ? INFINITY : std::max(worst, error);
      }
    }
  }
  return worst;
}

void check_decode(const Case& c) {
  CAPTURE(c.heads);
  CAPTURE(c.kv_heads);
  CAPTURE(c.dim);
  CAPTURE(c.depth);
  CAPTURE(c.window);
  CAPTURE(c.splits);
  CAPTURE(tensor::name_of(c.dtype));
  emulated::Stream stream;
  const Cache cache(c, stream);
  const auto q = normal_numbers(std::int64_t{c.heads} * c.dim, 5);
  const auto device_q = to_device(q, stream);
  const auto positions = to_device(std::vector<std::int32_t>{c.depth - 1}, stream);
  const auto sequences = to_device(std::vector<std::int32_t>{kSequence}, stream);
  const Guarded partial(std::vector<float>(static_cast<std::size_t>(c.heads * c.splits * (c.dim + 2)), NAN), stream);
  const auto tickets = to_device(std::vector<unsigned>(static_cast<std::size_t>(c.heads), 0U), stream);
  const Guarded out(std::vector<float>(q.size(), kCanary), stream);
  emulated::AttentionArguments a{};
  a.q = device_q.as<float>();
  a.cache = cache.memory.as<unsigned char>();
  a.layout = cache.layout;
  a.layer = kLayer;
  a.positions = positions.as<std::int32_t>();
  a.sequences = sequences.as<std::int32_t>();
  a.tokens = 1;
  a.heads = c.heads;
  a.window = c.window;
  a.splits = c.splits;
  a.partial = partial.data();
  a.tickets = tickets.as<unsigned>();
  a.out = out.data();
  emulated::attention_decode(a, stream);
  CHECK(worst_error(c, cache, q, 1, c.depth - 1, out.read(stream), 0) <= 1.0);
  partial.read(stream);
  for (const unsigned ticket : to_host<unsigned>(tickets, stream)) CHECK(ticket == 0);
}

TEST_CASE("decode attention equals the formula for every group size, also beyond a block's heads") {
  for (const std::int32_t group : {1, 2, 3, 4, 5, 6, 7, 8, 9, 17}) check_decode({2 * group, 2, 64, 90, 0, 2, DType::kF32});
}

TEST_CASE("decode attention equals the formula for every head size, type of cache and depth, divided into splits or not") {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kFP8}) {
    for (const std::int32_t dim : {8, 16, 32, 40, 64, 72, 96, 128}) {
      if (dtype == DType::kQ8_0 && dim % 32 != 0) continue;
      for (const std::int32_t depth : {1, 9, 65, 700}) {
        for (const std::int32_t splits : {1, 3, 16}) {
          if (dim != 64 && splits == 3) continue;
          check_decode({4, 2, dim, depth, 0, splits, dtype});
        }
      }
    }
  }
}

TEST_CASE("decode attention sees the window and nothing before it") {
  for (const std::int32_t window : {1, 7, 64, 65, 300, 1000}) {
    for (const std::int32_t splits : {1, 4}) check_decode({3, 1, 64, 300, window, splits, DType::kBF16});
  }
}

/// The last `tokens` positions of the cache as queries, in tiles.
void check_prefill(const Case& c, std::int32_t tokens) {
  CAPTURE(c.dim);
  CAPTURE(c.depth);
  CAPTURE(c.window);
  CAPTURE(tokens);
  emulated::Stream stream;
  const Cache cache(c, stream);
  REQUIRE(emulated::prefill_reads(cache.layout));
  const auto q = normal_numbers(std::int64_t{tokens} * c.heads * c.dim, 5);
  const auto device_q = to_device(q, stream);
  std::vector<emulated::PrefillTile> tiles;
  for (std::int32_t first = 0; first < tokens; first += emulated::kPrefillTokens) {
    tiles.push_back({first, std::min(emulated::kPrefillTokens, tokens - first), c.depth - tokens + first, kSequence});
  }
  const auto device_tiles = to_device(tiles, stream);
  const Guarded out(std::vector<float>(q.size(), kCanary), stream);
  emulated::attention_prefill(
      {device_q.as<float>(), cache.memory.as<unsigned char>(), cache.layout, kLayer, device_tiles.as<emulated::PrefillTile>(),
       static_cast<std::int32_t>(tiles.size()), c.heads, c.window, out.data(), false, c.sinks, 0},
      stream);
  const auto actual = out.read(stream);
  // A term is a product of a query or probability, rounded to BF16 or F16, and a key or value, which of quantised caches is rounded to F16,
  // too: (1 + 2^-11)^2 - 1 < 2^-10 + 2^-22, the latter within what is allowed for float32; F16 below 2^-14 in steps of 2^-24.
  const bool quantised = c.dtype == DType::kFP8 || c.dtype == DType::kQ8_0;
  const double rounding = c.dtype == DType::kBF16 ? 0x1p-8 : quantised ? 0x1p-10 : 0x1p-11;
  CHECK(worst_error(c, cache, q, tokens, c.depth - tokens, actual, rounding, quantised ? 0x1p-25 : 0.0) <= 1.0);
}

TEST_CASE("prefill attention equals the formula to the rounding of the cache's type for every head size, tail and depth") {
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kFP8, DType::kQ8_0}) {
    for (const std::int32_t dim : {64, 96, 128}) {
      CAPTURE(tensor::name_of(dtype));
      check_prefill({2, 2, dim, 1, 0, 1, dtype}, 1);
      check_prefill({4, 1, dim, 65, 0, 1, dtype}, 65);
      check_prefill({6, 2, dim, 200, 0, 1, dtype}, 70);
      check_prefill({2, 1, dim, 130, 40, 1, dtype}, 130);
      check_prefill({1, 1, dim, 300, 100, 1, dtype}, 64);
    }
  }
}

TEST_CASE("prefill attention finds the rows of a ring, and what stays before it, in a cache of every type") {
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kFP8, DType::kQ8_0}) {
    for (const std::int32_t dim : {64, 128}) {
      CAPTURE(tensor::name_of(dtype));
      check_prefill({2, 1, dim, 300, 70, 1, dtype, 0, 140}, 70);
      check_prefill({2, 1, dim, 300, 70, 1, dtype, 5, 140}, 70);
      check_prefill({2, 1, dim, 90, 70, 1, dtype, 5, 140}, 70);  // not yet full
      check_prefill({1, 1, dim, 261, 33, 1, dtype, 70, 96}, 64);
    }
  }
}

TEST_CASE("prefill attention takes what F16 does not hold for the largest that it does, and keeps what is no number") {
  constexpr std::int32_t kDim = 64;
  for (const float scale : {1e5F, std::numeric_limits<float>::quiet_NaN()}) {
    emulated::Stream stream;
    const auto layout = emulated::make_kv_layout(DType::kFP8, kDim, 1, 1, 1);
    std::vector<unsigned char> bytes(static_cast<std::size_t>(layout.head_offset(1, 0, 0)), 0);
    std::fill_n(bytes.begin() + layout.v, kDim, tensor::e4m3_from_f32(1.0F));
    const std::uint16_t bits = tensor::bf16_from_f32(scale);
    std::memcpy(bytes.data() + layout.v_scales, &bits, 2);
    const auto cache = to_device(bytes, stream);
    const auto q = to_device(std::vector<float>(kDim, 1.0F), stream);
    const auto tiles = to_device(std::vector<emulated::PrefillTile>{{0, 1, 0, 0}}, stream);
    const Guarded out(std::vector<float>(kDim, kCanary), stream);
    emulated::attention_prefill(
        {q.as<float>(), cache.as<unsigned char>(), layout, 0, tiles.as<emulated::PrefillTile>(), 1, 1, 0, out.data(), false}, stream);
    const auto actual = out.read(stream);
    for (std::size_t d = 0; d < kDim; ++d) CHECK((std::isnan(scale) ? std::isnan(actual[d]) : actual[d] == 65504.0F));
  }
}

}  // namespace
}  // namespace qbench::test
