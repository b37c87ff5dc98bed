#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "model/model.h"
#include "model/rope.h"
#include "model/weight_provider.h"

namespace qbench::model {
namespace {

using backend::Backend;
using backend::Buffer;
using backend::Matrix;

struct Layer {
  std::unique_ptr<Buffer> attention_norm;  // (hidden)
  std::unique_ptr<Matrix> qkv;             // ((heads + 2 kv_heads) head_dim, hidden)
  std::unique_ptr<Buffer> qkv_bias;        // ((heads + 2 kv_heads) head_dim) or null
  std::unique_ptr<Buffer> q_norm;          // (head_dim) or null
  std::unique_ptr<Buffer> k_norm;          // (head_dim) or null
  std::unique_ptr<Matrix> output;          // (hidden, heads head_dim)
  std::unique_ptr<Buffer> ffn_norm;        // (hidden)
  std::unique_ptr<Matrix> gate_up;         // (2 ffn, hidden); null in an expert layer
  std::unique_ptr<Matrix> down;            // (hidden, ffn); null in an expert layer
  std::unique_ptr<Matrix> router;          // (experts, hidden); null in a dense layer
  std::vector<std::unique_ptr<Matrix>> expert_gate_up;
  std::vector<std::unique_ptr<Matrix>> expert_down;
  std::int64_t window = 0;
};

/// Uploads weights by name and counts what one token reads.
class Loader {
 public:
  Loader(const WeightProvider& weights, Backend& device, LoadReport& report) : weights_(weights), device_(device), report_(report) {}

  std::unique_ptr<Matrix> matrix(const std::vector<std::string>& names, double share_read) {
    std::vector<std::unique_ptr<tensor::RowSource>> sources;
    std::vector<const tensor::RowSource*> parts;
    double bytes = 0.0;
    for (const std::string& name : names) {
      sources.push_back(weights_.matrix(name));
      parts.push_back(sources.back().get());
      bytes += static_cast<double>(parts.back()->rows() * tensor::row_bytes(parts.back()->dtype(), parts.back()->cols()));
    }
    auto loaded = device_.load_matrix(parts);
    report_.weight_bytes += loaded->device_bytes();
    report_.decode_read_bytes += static_cast<std::uint64_t>(bytes * share_read);
    return loaded;
  }

  std::unique_ptr<Buffer> vector(const std::string& name, std::int64_t size) { return upload(weights_.vector(name, size)); }

  std::unique_ptr<Buffer> upload(const std::vector<float>& values) {
    report_.weight_bytes += values.size() * sizeof(float);
    report_.decode_read_bytes += values.size() * sizeof(float);
    return device_.load_vector(values);
  }

  bool has(const std::string& name) const { return weights_.has(name); }
  const WeightProvider& weights() const { return weights_; }

 private:
  const WeightProvider& weights_;
  Backend& device_;
  LoadReport& report_;
};

void load_attention(Loader& load, const formats::ModelConfig& c, const std::string& prefix, Layer& layer) {
  const std::int64_t q_rows = c.heads * c.head_dim;
  const std::int64_t kv_rows = c.kv_heads * c.head_dim;
  layer.attention_norm = load.vector(prefix + "attn_norm.weight", c.hidden);
  if (load.has(prefix + "attn_qkv.weight")) {
    layer.qkv = load.matrix({prefix + "attn_qkv.weight"}, 1.0);
  } else {
    layer.qkv = load.matrix({prefix + "attn_q.weight", prefix + "attn_k.weight", prefix + "attn_v.weight"}, 1.0);
  }
  if (c.qkv_bias) {
    std::vector<float> bias = load.weights().vector(prefix + "attn_q.bias", q_rows);
    for (const char* part : {"attn_k.bias", "attn_v.bias"}) {
      const std::vector<float> more = load.weights().vector(prefix + part, kv_rows);
      bias.insert(bias.end(), more.begin(), more.end());
    }
    layer.qkv_bias = load.upload(bias);
  }
  if (c.qk_norm) {
    layer.q_norm = load.vector(prefix + "attn_q_norm.weight", c.head_dim);
    layer.k_norm = load.vector(prefix + "attn_k_norm.weight", c.head_dim);
  }
  layer.output = load.matrix({prefix + "attn_output.weight"}, 1.0);
}

void load_ffn(Loader& load, const formats::ModelConfig& c, bool dense, const std::string& prefix, Layer& layer) {
  layer.ffn_norm = load.vector(prefix + "ffn_norm.weight", c.hidden);
  if (dense) {
    if (load.has(prefix + "ffn_gate_up.weight")) {
      layer.gate_up = load.matrix({prefix + "ffn_gate_up.weight"}, 1.0);
    } else {
      layer.gate_up = load.matrix({prefix + "ffn_gate.weight", prefix + "ffn_up.weight"}, 1.0);
    }
    layer.down = load.matrix({prefix + "ffn_down.weight"}, 1.0);
    return;
  }
  layer.router = load.matrix({prefix + "ffn_gate_inp.weight"}, 1.0);
  const double share = static_cast<double>(c.experts_used) / static_cast<double>(c.experts);
  for (std::int64_t e = 0; e < c.experts; ++e) {
    const std::string expert = prefix + "expert." + std::to_string(e) + ".";
    layer.expert_gate_up.push_back(load.matrix({expert + "ffn_gate.weight", expert + "ffn_up.weight"}, share));
    layer.expert_down.push_back(load.matrix({expert + "ffn_down.weight"}, share));
  }
}

/// A begun step ends when the scope does, also by an exception: the next step would otherwise find it open.
class OpenStep {
 public:
  explicit OpenStep(Backend& device) : device_(device) {}
  ~OpenStep() { device_.end_step(); }
  OpenStep(const OpenStep&) = delete;
  OpenStep& operator=(const OpenStep&) = delete;

 private:
  Backend& device_;
};

class Decoder : public Model {
 public:
  Decoder(const WeightProvider& weights, Backend& device, const ModelOptions& options)
      : config_(weights.config()), device_(&device), rope_(make_rope(config_)), max_tokens_(options.max_step_tokens), max_rows_(options.max_logit_rows) {
    const std::int64_t start_ns = now_ns();
    report_.precision = weights.precision();
    report_.conversion = weights.conversion();
    Loader load(weights, device, report_);
    embedding_ = load.matrix({"token_embd.weight"}, config_.tied_head ? 1.0 : 0.0);
    if (!config_.tied_head) head_ = load.matrix({"output.weight"}, 1.0);
    output_norm_ = load.vector("output_norm.weight", config_.hidden);
    for (std::int64_t i = 0; i < config_.layers; ++i) {
      const std::string prefix = "blk." + std::to_string(i) + ".";
      const auto at = static_cast<std::size_t>(i);
      Layer layer;
      layer.window = config_.sliding_window.empty() ? 0 : config_.sliding_window[at];
      load_attention(load, config_, prefix, layer);
      load_ffn(load, config_, config_.experts == 0 || config_.layer_is_dense[at], prefix, layer);
      layers_.push_back(std::move(layer));
    }
    allocate_activations();
    report_.read_and_pack_ns = now_ns() - start_ns;
  }

  const formats::ModelConfig& config() const override { return config_; }
  const LoadReport& load_report() const override { return report_; }
  std::int64_t max_tokens() const override { return max_tokens_; }

  Backend& exchange_device(Backend& device) override { return *std::exchange(device_, &device); }

  std::unique_ptr<backend::KvCache> make_cache(std::int64_t sequences, std::int64_t positions, tensor::DType dtype,
                                                const backend::KvPolicy& policy) override {
    return device_->make_kv_cache({config_.layers, config_.kv_heads, config_.head_dim, sequences, positions, dtype, policy});
  }

  void forward(const backend::Batch& batch, backend::KvCache& cache, std::span<const std::int32_t> logit_rows, std::span<float> logits) override {
    QB_CHECK(batch.tokens() >= 1 && batch.tokens() <= max_tokens_);
    QB_CHECK(logits.size() >= logit_rows.size() * static_cast<std::size_t>(config_.vocab));
    device_->begin_step(batch);
    const OpenStep step(*device_);
    run_layers(cache);
    read_logits(logit_rows, logits);
  }

  std::unique_ptr<backend::TokenLoop> make_token_loop(std::int64_t sequences) override {
    if (sequences > max_rows_) return nullptr;
    return device_->make_token_loop(sequences, config_.vocab);
  }

  void forward_first(const backend::Batch& batch, backend::KvCache& cache, std::int64_t sequence, backend::TokenLoop& loop) override {
    QB_CHECK(batch.tokens() >= 1 && batch.tokens() <= max_tokens_);
    device_->begin_step(batch);
    const OpenStep step(*device_);
    run_layers(cache);
    const auto last = static_cast<std::int32_t>(batch.tokens() - 1);
    compute_logits({&last, 1});
    loop.pick_first(sequence, *logits_);
  }

  void forward_fed(backend::KvCache& cache, backend::TokenLoop& loop) override {
    loop.begin_step();
    const OpenStep step(*device_);
    run_layers(cache);
    fed_rows_.resize(static_cast<std::size_t>(loop.rows()));
    std::iota(fed_rows_.begin(), fed_rows_.end(), 0);
    compute_logits(fed_rows_);
    loop.pick(*logits_);
  }

 private:
  void allocate_activations() {
    x_ = device_->allocate(max_tokens_ * config_.hidden);
    q_ = device_->allocate(max_tokens_ * config_.heads * config_.head_dim);
    attended_ = device_->allocate(max_tokens_ * config_.heads * config_.head_dim);
    if (config_.ffn > 0) ffn_ = device_->allocate(max_tokens_ * config_.ffn);
    logits_ = device_->allocate(max_rows_ * config_.vocab);
  }

  void run_layers(backend::KvCache& cache) {
    device_->embed(*embedding_, *x_);
    for (std::size_t i = 0; i < layers_.size(); ++i) run_layer(layers_[i], static_cast<std::int64_t>(i), cache);
  }

  /// Of at most max_rows_ tokens.
  void compute_logits(std::span<const std::int32_t> rows) {
    const Matrix& head = config_.tied_head ? *embedding_ : *head_;
    device_->norm_head(*output_norm_, static_cast<float>(config_.rms_eps), head, rows, *x_, *logits_);
  }

  void run_layer(const Layer& layer, std::int64_t index, backend::KvCache& cache) {
    const auto eps = static_cast<float>(config_.rms_eps);
    const backend::AttentionInput attention{layer.attention_norm.get(), layer.qkv.get(), layer.qkv_bias.get(), layer.q_norm.get(), layer.k_norm.get(),
                                            config_.heads,              config_.kv_heads, config_.head_dim,    eps};
    device_->norm_qkv_rope_append(attention, rope_, index, *x_, *q_, cache);
    device_->attention(attention, layer.window, index, *q_, cache, *attended_);
    device_->project_residual(*layer.output, *attended_, *x_);
    if (layer.router != nullptr) {
      const backend::ExpertInput experts{layer.ffn_norm.get(), layer.router.get(),          layer.expert_gate_up, layer.expert_down,
                                         config_.experts_used, config_.renormalize_experts, eps};
      device_->norm_experts_residual(experts, *x_);
    } else {
      device_->norm_gate_up(*layer.ffn_norm, eps, *layer.gate_up, *x_, *ffn_);
      device_->project_residual(*layer.down, *ffn_, *x_);
    }
  }

  void read_logits(std::span<const std::int32_t> rows, std::span<float> logits) {
    const auto vocab = static_cast<std::size_t>(config_.vocab);
    for (std::size_t first = 0; first < rows.size(); first += static_cast<std::size_t>(max_rows_)) {
      const std::size_t count = std::min(static_cast<std::size_t>(max_rows_), rows.size() - first);
      compute_logits(rows.subspan(first, count));
      device_->read(*logits_, 0, logits.subspan(first * vocab, count * vocab));
    }
  }

  formats::ModelConfig config_;
  Backend* device_;
  backend::Rope rope_;
  std::int64_t max_tokens_, max_rows_;
  LoadReport report_;
  std::unique_ptr<Matrix> embedding_;    // (vocab, hidden)
  std::unique_ptr<Matrix> head_;         // (vocab, hidden); null when tied
  std::unique_ptr<Buffer> output_norm_;  // (hidden)
  std::vector<Layer> layers_;
  std::unique_ptr<Buffer> x_;            // (max_tokens, hidden) residual stream
  std::unique_ptr<Buffer> q_;            // (max_tokens, heads head_dim)
  std::unique_ptr<Buffer> attended_;     // (max_tokens, heads head_dim)
  std::unique_ptr<Buffer> ffn_;          // (max_tokens, ffn)
  std::unique_ptr<Buffer> logits_;       // (max_rows, vocab)
  std::vector<std::int32_t> fed_rows_;   // 0, 1, ...: the tokens of a step that the device feeds
};

}  // namespace

std::unique_ptr<Model> load_model(const formats::ModelFile& file, Backend& device, const ModelOptions& options) {
  return std::make_unique<Decoder>(*provide_from_file(file, options.precision), device, options);
}

std::unique_ptr<Model> draw_model(const formats::ModelConfig& config, std::uint64_t seed, Backend& device, const ModelOptions& options) {
  return std::make_unique<Decoder>(*provide_drawn(config, seed, options.precision), device, options);
}

}  // namespace qbench::model
