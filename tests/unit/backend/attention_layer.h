#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "step_cases.h"

/// One layer of attention on a device and, from the formula, in double with bounds.
namespace qbench::backend {

using namespace qbench::test;  // NOLINT: the test's own helpers
using tensor::DType;

/// A layer of attention: sizes, what it has, and how much its cache keeps in which type.
struct Shape {
  std::int64_t heads, kv_heads, head_dim;
  bool bias, head_norm;
  std::int64_t rotary_dim;
  std::int64_t window;
  DType cache;
  KvPolicy policy = {};
};

inline constexpr std::int64_t kHidden = 80;
inline constexpr std::int64_t kLayers = 2;
inline constexpr std::int64_t kPositions = 310;

/// Keys, values and their bounds as the formula gives them, by sequence and position.
struct History {
  std::map<std::pair<std::int32_t, std::int32_t>, std::vector<Bounded>> k, v;  // (kv_heads, head_dim)
};

/// How far the cache's type may move a number, given the largest of its 32 (q8_0) or of its head (fp8: three bits behind the leading one, and
/// steps of 2^-9 in units of the scale near zero).
inline double cache_rounding(DType dtype, double value, double largest) {
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

}  // namespace qbench::backend
