#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "step_cases.h"

namespace qbench::backend {
namespace {

using namespace qbench::test;  // NOLINT: the test's own helpers
using tensor::DType;

struct Shape {
  std::int64_t heads, kv_heads, head_dim;
  bool bias, head_norm;
  std::int64_t rotary_dim;
  std::int64_t window;
  DType cache;
  KvPolicy policy = {};
};

constexpr std::int64_t kHidden = 80;
constexpr std::int64_t kLayers = 2;
constexpr std::int64_t kPositions = 310;

/// Keys, values and their bounds as the formula gives them, by sequence and position.
struct History {
  std::map<std::pair<std::int32_t, std::int32_t>, std::vector<Bounded>> k, v;  // (kv_heads, head_dim)
};

/// How far the cache's type may move a number, given the largest of its 32 (q8_0) or of its head (fp8: three bits behind the leading one, and
/// steps of 2^-9 in units of the scale near zero).
double cache_rounding(DType dtype, double value, double largest) {
  switch (dtype) {
    case DType::kBF16:
      return 0x1p-8 * std::abs(value);
    case DType::kF16:
      return 0x1p-11 * std::abs(value) + 0x1p-25;
    case DType::kQ8_0:
      return largest * (1.0 / 254 + 0x1p-11) * 1.01;
    case DType::kFP8:
      return 0x1p-4 * 1.01 * value + largest / 448 * 0x1p-10 * 1.01;
    default:
      return 0;
  }
}

/// One layer of attention with its weights, its cache on a device, and the same in double.
class Layer {
 public:
  Layer(const Shape& shape, const StepDevice& on, int variant)
      : shape_(shape),
        rows_((shape.heads + 2 * shape.kv_heads) * shape.head_dim),
        q_weights_(shape.heads * shape.head_dim, kHidden, 31),
        k_weights_(shape.kv_heads * shape.head_dim, kHidden, 32),
        v_weights_(shape.kv_heads * shape.head_dim, kHidden, 33),
        norm_(normal_numbers(kHidden, 34)),
        bias_(normal_numbers(rows_, 35, 0.3)),
        q_norm_(normal_numbers(shape.head_dim, 36)),
        k_norm_(normal_numbers(shape.head_dim, 37)),
        device_(on.make(variant)),
        prefill_rounding_(!on.rounds_queries            ? 0
                          : shape.cache == DType::kBF16 ? 0x1p-8
                          : shape.cache == DType::kF16  ? 0x1p-11
                                                        : 0) {
    qkv_ = load(*device_, {&q_weights_, &k_weights_, &v_weights_});
    norm_buffer_ = device_->load_vector(norm_);
    bias_buffer_ = device_->load_vector(bias_);
    q_norm_buffer_ = device_->load_vector(q_norm_);
    k_norm_buffer_ = device_->load_vector(k_norm_);
    cache_ = device_->make_kv_cache({kLayers, shape.kv_heads, shape.head_dim, 3, kPositions, shape.cache, shape.policy});
    rope_.rotary_dim = shape.rotary_dim;
    rope_.magnitude = 1.1;
    for (std::int64_t j = 0; j < shape.rotary_dim / 2; ++j) {
      rope_.inverse_frequency.push_back(std::pow(10000.0, -2.0 * static_cast<double>(j) / static_cast<double>(shape.rotary_dim)));
    }
    input_.norm = norm_buffer_.get();
    input_.qkv = qkv_.get();
    input_.qkv_bias = shape.bias ? bias_buffer_.get() : nullptr;
    input_.q_norm = shape.head_norm ? q_norm_buffer_.get() : nullptr;
    input_.k_norm = shape.head_norm ? k_norm_buffer_.get() : nullptr;
    input_.heads = shape.heads;
    input_.kv_heads = shape.kv_heads;
    input_.head_dim = shape.head_dim;
    input_.rms_eps = 1e-6F;
  }

  /// Runs both steps on the device; q and out come back.
  std::pair<std::vector<float>, std::vector<float>> run(const OwnedBatch& batch, const std::vector<float>& x) {
    const std::int64_t numbers = batch.tokens() * shape_.heads * shape_.head_dim;
    const auto x_buffer = device_->load_vector(x);
    const auto q = guarded(*device_, numbers);
    const auto out = guarded(*device_, numbers);
    device_->begin_step(batch.view());
    device_->norm_qkv_rope_append(input_, rope_, 1, *x_buffer, *q, *cache_);
    device_->attention(input_, shape_.window, 1, *q, *cache_, *out);
    device_->end_step();
    return {read_guarded(*device_, *q), read_guarded(*device_, *out)};
  }

  /// The same in double: fills the history, returns q and out with their bounds.
  std::pair<std::vector<Bounded>, std::vector<Bounded>> expect(const OwnedBatch& batch, const std::vector<float>& x,
                                                               History& history) const {
    std::vector<Bounded> q;
    for (std::size_t t = 0; t < batch.ids.size(); ++t) {
      const auto h = ref_rms_norm(exact(x.data() + t * kHidden, kHidden), norm_.data(), 1e-6F);
      const std::int32_t position = batch.positions[t];
      auto token_q = project(q_weights_, 0, h, shape_.head_norm ? &q_norm_ : nullptr, position, true);
      q.insert(q.end(), token_q.begin(), token_q.end());
      auto k = project(k_weights_, shape_.heads * shape_.head_dim, h, shape_.head_norm ? &k_norm_ : nullptr, position, true);
      auto v = project(v_weights_, (shape_.heads + shape_.kv_heads) * shape_.head_dim, h, nullptr, position, false);
      store(k);
      store(v);
      history.k[{batch.sequences[t], position}] = std::move(k);
      history.v[{batch.sequences[t], position}] = std::move(v);
    }
    std::vector<Bounded> out;
    for (std::size_t t = 0; t < batch.ids.size(); ++t) {
      for (std::int64_t head = 0; head < shape_.heads; ++head) {
        attend(batch, t, head, q.data() + (static_cast<std::int64_t>(t) * shape_.heads + head) * shape_.head_dim, history, out);
      }
    }
    return {q, out};
  }

  Backend& device() { return *device_; }

 private:
  std::vector<Bounded> project(const Weights& w, std::int64_t bias_first, const std::vector<Bounded>& h, const std::vector<float>* norm,
                               std::int32_t position, bool rotate) const {
    std::vector<Bounded> all;
    for (std::int64_t first = 0; first < w.rows(); first += shape_.head_dim) {
      std::vector<Bounded> head;
      for (std::int64_t r = first; r < first + shape_.head_dim; ++r) {
        Bounded dot = ref_dot(w.row(r), h);
        if (shape_.bias) {
          dot.value += static_cast<double>(bias_[static_cast<std::size_t>(bias_first + r)]);
          dot.bound += kRoundoff * std::abs(dot.value);
        }
        head.push_back(dot);
      }
      if (norm != nullptr) head = ref_rms_norm(head, norm->data(), 1e-6F);
      const auto half = static_cast<std::size_t>(shape_.rotary_dim / 2);
      for (std::size_t j = 0; rotate && j < half; ++j) {
        const double angle = position * rope_.inverse_frequency[j];
        const double c = std::cos(angle) * rope_.magnitude;
        const double s = std::sin(angle) * rope_.magnitude;
        const Bounded a = head[j];
        const Bounded b = head[j + half];
        const double own = 4 * kRoundoff * (std::abs(a.value) + std::abs(b.value)) * rope_.magnitude;
        head[j] = {a.value * c - b.value * s, own + (a.bound + b.bound) * rope_.magnitude};
        head[j + half] = {b.value * c + a.value * s, own + (a.bound + b.bound) * rope_.magnitude};
      }
      all.insert(all.end(), head.begin(), head.end());
    }
    return all;
  }

  void store(std::vector<Bounded>& numbers) const {
    const auto block = shape_.cache == DType::kFP8 ? static_cast<std::size_t>(shape_.head_dim) : 32;
    const std::vector<Bounded> before = numbers;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      double largest = 0;
      for (std::size_t j = i / block * block; j < std::min(numbers.size(), (i / block + 1) * block); ++j)
        largest = std::max(largest, std::abs(before[j].value) + before[j].bound);
      numbers[i].bound += cache_rounding(shape_.cache, std::abs(numbers[i].value) + numbers[i].bound, largest);
    }
  }

  /// What the policy and the model's window leave of the positions up to `position`, said one by one.
  std::vector<std::int32_t> seen(std::int32_t position) const {
    std::vector<std::int32_t> result;
    for (std::int32_t p = 0; p <= position; ++p) {
      const bool in_model = shape_.window == 0 || p > position - shape_.window;
      const bool kept = shape_.policy.window == 0 || p > position - shape_.policy.window || p < shape_.policy.sinks;
      if (in_model && kept) result.push_back(p);
    }
    return result;
  }

  /// A weight is off by the factor e^(2 delta), delta the largest error of a score.
  void attend(const OwnedBatch& batch, std::size_t t, std::int64_t head, const Bounded* q, const History& history,
              std::vector<Bounded>& out) const {
    const std::int32_t position = batch.positions[t];
    const std::vector<std::int32_t> visible = seen(position);
    const auto first = static_cast<std::size_t>(head / (shape_.heads / shape_.kv_heads) * shape_.head_dim);
    const auto dim = static_cast<std::size_t>(shape_.head_dim);
    const double scale = 1.0 / std::sqrt(static_cast<double>(dim));
    const double rounding = batch.tokens() > 1 ? prefill_rounding_ : 0;
    std::vector<double> weights;
    double delta = 0;
    double largest = -INFINITY;
    for (const std::int32_t p : visible) {
      const auto& k = history.k.at({batch.sequences[t], p});
      double score = 0;
      double error = 0;
      for (std::size_t d = 0; d < dim; ++d) {
        const Bounded& x = k[first + d];
        score += q[d].value * x.value;
        error += std::abs(q[d].value) * (x.bound + rounding * std::abs(x.value)) + q[d].bound * (std::abs(x.value) + x.bound) +
                 (static_cast<double>(dim) + 3) * kRoundoff * std::abs(q[d].value * x.value);
      }
      weights.push_back(score * scale);
      largest = std::max(largest, score * scale);
      delta = std::max(delta, error * scale);
    }
    double total = 0;
    for (double& w : weights) total += w = std::exp(w - largest);
    const double relative = std::expm1(2 * delta) + (static_cast<double>(weights.size()) * 1.1 + 20) * kRoundoff + rounding;
    for (std::size_t d = 0; d < dim; ++d) {
      Bounded sum;
      for (std::size_t i = 0; i < visible.size(); ++i) {
        const Bounded& v = history.v.at({batch.sequences[t], visible[i]})[first + d];
        const double w = weights[i] / total;
        sum.value += w * v.value;
        sum.bound += w * (v.bound * (1 + relative) + relative * std::abs(v.value));
      }
      out.push_back(sum);
    }
  }

  Shape shape_;
  std::int64_t rows_;
  Weights q_weights_, k_weights_, v_weights_;
  std::vector<float> norm_, bias_, q_norm_, k_norm_;
  std::unique_ptr<Backend> device_;
  double prefill_rounding_;
  std::unique_ptr<Matrix> qkv_;
  std::unique_ptr<Buffer> norm_buffer_, bias_buffer_, q_norm_buffer_, k_norm_buffer_;
  std::unique_ptr<KvCache> cache_;
  Rope rope_;
  AttentionInput input_{};
};

/// Steps that fill the cache in pieces of many sizes: prefill from nothing, one token, a few, many, decoding past block borders, two
/// sequences of different lengths in one batch, interleaved.
std::vector<OwnedBatch> steps() {
  std::vector<OwnedBatch> result;
  const auto add = [&](std::vector<std::array<std::int32_t, 3>> runs) {
    OwnedBatch batch;
    for (const auto& [sequence, first, count] : runs) batch.add(sequence, first, count);
    result.push_back(batch);
  };
  add({{0, 0, 1}});
  add({{0, 1, 3}});
  add({{0, 4, 17}});
  add({{0, 21, 1}, {2, 0, 70}});
  add({{2, 70, 1}, {0, 22, 1}});
  add({{0, 23, 70}});
  OwnedBatch mixed;  // tokens of two sequences in turn
  for (std::int32_t i = 0; i < 5; ++i) {
    mixed.add(0, 93 + i, 1);
    mixed.add(2, 71 + i, 1);
  }
  result.push_back(mixed);
  add({{0, 98, 160}});
  add({{0, 258, 1}});
  add({{2, 76, 1}, {0, 259, 1}, {1, 0, 1}});
  return result;
}

/// Two sequences that go round a small ring several times, in steps of at most 16 tokens.
std::vector<OwnedBatch> short_steps() {
  std::vector<OwnedBatch> result;
  std::int32_t positions[2] = {0, 0};
  for (const std::int32_t count : {1, 16, 16, 1, 1, 16, 3, 16, 16, 1, 16, 16, 1}) {
    OwnedBatch batch;
    batch.add(0, positions[0], count);
    batch.add(1, positions[1], 17 - count);
    positions[0] += count;
    positions[1] += 17 - count;
    result.push_back(batch);
  }
  return result;
}

#ifdef __SANITIZE_THREAD__
constexpr bool kThreadSanitized = true;  ///< looks for races in the steps; the formula's values, which other builds check, take minutes there
#else
constexpr bool kThreadSanitized = false;
#endif

void check_layer(const Shape& shape, const StepDevice& on) {
  CAPTURE(on.name);
  CAPTURE(shape.heads);
  CAPTURE(shape.kv_heads);
  CAPTURE(shape.head_dim);
  CAPTURE(shape.window);
  CAPTURE(tensor::name_of(shape.cache));
  Layer layer(shape, on, 2);
  History history;
  std::uint64_t seed = 100;
  CAPTURE(shape.policy.window);
  CAPTURE(shape.policy.sinks);
  for (const OwnedBatch& batch : shape.policy.window > 0 && shape.policy.step == 16 ? short_steps() : steps()) {
    CAPTURE(seed);
    const auto x = normal_numbers(batch.tokens() * kHidden, ++seed, 2.0);
    const auto [q, out] = layer.run(batch, x);
    if (kThreadSanitized) continue;
    const auto [expected_q, expected_out] = layer.expect(batch, x, history);
    CHECK(worst(q, 0, expected_q) <= 1.0);
    CHECK(worst(out, 0, expected_out) <= 1.0);
  }
}

TEST_CASE("attention steps equal the formula for every group size, head size and window, in a float32 cache") {
  const std::vector<Shape> shapes = {
      {3, 3, 64, false, false, 64, 0, DType::kF32},   {6, 2, 64, true, false, 64, 0, DType::kF32},
      {14, 2, 64, true, false, 64, 16, DType::kF32},  {4, 2, 128, false, true, 128, 0, DType::kF32},
      {8, 1, 128, false, true, 128, 64, DType::kF32}, {2, 2, 96, false, false, 96, 24, DType::kF32},
      {2, 1, 40, true, true, 20, 0, DType::kF32},     {5, 1, 72, false, false, 72, 100, DType::kF32},
  };
  for (const StepDevice& on : step_devices("attention steps")) {
    for (const Shape& shape : shapes) check_layer(shape, on);
  }
}

TEST_CASE("attention steps stay within the rounding of a bfloat16, float16, q8_0 or fp8 cache") {
  for (const StepDevice& on : step_devices("attention steps, small caches")) {
    for (const DType cache : {DType::kBF16, DType::kF16, DType::kQ8_0, DType::kFP8}) {
      check_layer({6, 2, 64, true, false, 64, 0, cache}, on);
      check_layer({4, 2, 128, false, true, 128, 40, cache}, on);
      check_layer({3, 1, 96, false, false, 96, 0, cache}, on);
    }
  }
}

TEST_CASE("a cache that keeps a window and sinks in a ring equals the formula under the same mask, also with a window of the model") {
  for (const StepDevice& on : step_devices("attention steps, rings")) {
    if (on.make(1)->device().attention_path.starts_with("materialised")) {  // says so instead
      CHECK(error_of([&] { check_layer({3, 3, 64, false, false, 64, 0, DType::kF32, {20, 0, 16}}, on); }) == ErrorCode::kUnsupported);
      continue;
    }
    for (const std::int64_t own_window : {0, 7, 25}) {
      check_layer({3, 3, 64, false, false, 64, own_window, DType::kF32, {20, 0, 16}}, on);
      check_layer({6, 2, 64, true, false, 64, own_window, DType::kF32, {20, 3, 16}}, on);
    }
    check_layer({4, 2, 128, false, true, 128, 0, DType::kBF16, {9, 5, 16}}, on);
    check_layer({4, 2, 64, false, false, 64, 0, DType::kF16, {40, 4, 160}}, on);
    check_layer({4, 2, 64, false, false, 64, 100, DType::kF16, {70, 66, 160}}, on);
    check_layer({6, 2, 64, true, false, 64, 0, DType::kQ8_0, {20, 3, 16}}, on);
    check_layer({6, 2, 64, true, false, 64, 0, DType::kFP8, {20, 3, 16}}, on);
    check_layer({3, 1, 64, true, false, 64, 0, DType::kF32, {300, 4, 160}}, on);  // no ring: only the mask
  }
}

TEST_CASE("a cache that keeps a window takes memory for window, sinks and a step, whatever the context") {
  for (const StepDevice& on : step_devices("rings")) {
    CAPTURE(on.name);
    const auto device = on.make(1);
    const auto bytes = [&](std::int64_t positions, const KvPolicy& policy) {
      return device->make_kv_cache({2, 2, 64, 3, positions, DType::kF16, policy})->device_bytes();
    };
    const std::uint64_t row = std::uint64_t{2} * 2 * 3 * 64 * 2 * 2;  // layers, heads, sequences, numbers, bytes, K and V
    CHECK(bytes(1 << 20, {512, 4, 65}) == bytes(4096, {512, 4, 65}));
    CHECK(bytes(4096, {512, 4, 65}) >= 580 * row);
    CHECK(bytes(4096, {512, 4, 65}) <= 596 * row);
    CHECK(bytes(256, {512, 4, 65}) == bytes(256, {}));
    const auto cache = device->make_kv_cache({2, 2, 64, 3, 4096, DType::kF16, {512, 4, 65}});
    CHECK(device->memory_use().kv == cache->device_bytes());
  }
}

TEST_CASE("a prompt in chunks gives the same as the prompt at once, within rounding") {
  const Shape shape{6, 2, 64, true, false, 64, 0, DType::kF32};
  const std::int32_t length = 150;
  const auto x = normal_numbers(length * kHidden, 77);
  for (const StepDevice& on : step_devices("chunks")) {
    CAPTURE(on.name);
    OwnedBatch whole;
    whole.add(0, 0, length);
    Layer at_once(shape, on, 2);
    const auto expected = at_once.run(whole, x).second;
    History history;
    const auto bounds = at_once.expect(whole, x, history).second;
    for (const std::int32_t chunk : {1, 7, 64, 100}) {
      CAPTURE(chunk);
      Layer in_chunks(shape, on, 2);
      double largest = 0;
      for (std::int32_t first = 0; first < length; first += chunk) {
        OwnedBatch batch;
        batch.add(0, first, std::min(chunk, length - first));
        const std::vector<float> part(x.begin() + first * kHidden, x.begin() + (first + batch.tokens()) * kHidden);
        const auto out = in_chunks.run(batch, part).second;
        for (std::size_t i = 0; i < out.size(); ++i) {
          const std::size_t at = static_cast<std::size_t>(first * shape.heads * shape.head_dim) + i;
          largest = std::max(largest, std::abs(static_cast<double>(out[i]) - expected[at]) / (2 * bounds[at].bound));
        }
      }
      CHECK(largest <= 1.0);
    }
  }
}

TEST_CASE("attention does not depend on the number of threads or the order of blocks by a single bit") {
  for (const StepDevice& on : step_devices("attention threads")) {
    CAPTURE(on.name);
    for (const DType cache : {DType::kF32, DType::kBF16, DType::kF16, DType::kQ8_0, DType::kFP8}) {
      const Shape shape{14, 2, 64, true, false, 64, 0, cache};
      std::vector<std::vector<float>> results;
      for (const int variant : on.variants) {
        Layer layer(shape, on, variant);
        std::vector<float> all;
        std::uint64_t seed = 100;
        for (const OwnedBatch& batch : steps()) {
          const auto [q, out] = layer.run(batch, normal_numbers(batch.tokens() * kHidden, ++seed, 2.0));
          all.insert(all.end(), q.begin(), q.end());
          all.insert(all.end(), out.begin(), out.end());
        }
        results.push_back(all);
      }
      REQUIRE(!results[0].empty());
      for (const auto& result : results) REQUIRE(result.size() == results[0].size());
      for (const auto& result : results) CHECK(std::memcmp(result.data(), results[0].data(), result.size() * sizeof(float)) == 0);
    }
  }
}

}  // namespace
}  // namespace qbench::backend
