#include "formats/model_config.h"

#include <cmath>

#include <fmt/format.h>

#include "base/error.h"

namespace qbench::formats {
namespace {

/// Bounds far above every published model; with them no product of two dimensions leaves 64 bits, and no count can ask for absurd memory.
constexpr std::int64_t kMaxLayers = 1 << 12, kMaxHidden = 1 << 20, kMaxFfn = 1 << 24, kMaxHeads = 1 << 14, kMaxHeadDim = 1 << 14;
constexpr std::int64_t kMaxVocab = 1 << 27, kMaxContext = std::int64_t{1} << 32, kMaxExperts = 1 << 14;

class Checker {
 public:
  explicit Checker(const std::string& where) : where_(where) {}

  void require(bool good, const std::string& message) const {
    if (!good) throw Error(ErrorCode::kFormat, message, where_);
  }
  void range(const char* field, std::int64_t value, std::int64_t low, std::int64_t high) const {
    require(value >= low && value <= high, fmt::format("{}: expected {}..{}, found {}", field, low, high, value));
  }
  void positive(const char* field, double value, double high) const {
    require(std::isfinite(value) && value > 0.0 && value <= high,
            fmt::format("{}: expected a number above 0, at most {:g}, found {:g}", field, high, value));
  }

 private:
  const std::string& where_;
};

void validate_attention(const ModelConfig& c, const Checker& check) {
  check.range("heads", c.heads, 1, kMaxHeads);
  check.range("kv_heads", c.kv_heads, 1, c.heads);
  check.require(c.heads % c.kv_heads == 0, fmt::format("heads: expected a multiple of kv_heads ({}), found {}", c.kv_heads, c.heads));
  check.range("head_dim", c.head_dim, 2, kMaxHeadDim);
  check.require(c.head_dim % 2 == 0, fmt::format("head_dim: RoPE needs an even number, found {}", c.head_dim));
  check.require(c.sliding_window.size() == static_cast<std::size_t>(c.layers),
                fmt::format("sliding_window: expected {} layers, found {}", c.layers, c.sliding_window.size()));
  for (const std::int64_t window : c.sliding_window) check.range("sliding_window", window, 0, kMaxContext);
}

void validate_rope(const ModelConfig& c, const Checker& check) {
  check.positive("rope_theta", c.rope_theta, 1e15);
  const RopeScaling& scaling = c.rope_scaling;
  if (scaling.kind == RopeScaling::Kind::kNone) return;
  check.positive("rope_scaling.factor", scaling.factor, 1e6);
  if (scaling.kind != RopeScaling::Kind::kYarn) return;
  check.range("rope_scaling.original_context", scaling.original_context, 1, kMaxContext);
  check.positive("rope_scaling.beta_fast", scaling.beta_fast, 1e6);
  check.positive("rope_scaling.beta_slow", scaling.beta_slow, 1e6);
  check.require(c.rope_theta > 1.0, fmt::format("rope_theta: YaRN needs more than 1, found {:g}", c.rope_theta));
  const double attention = scaling.attention_factor;
  check.require(std::isfinite(attention) && attention >= 0.0 && attention <= 1e3,
                fmt::format("rope_scaling.attention_factor: expected 0..1000, found {:g}", attention));
}

void validate_feed_forward(const ModelConfig& c, const Checker& check) {
  check.require(c.layer_is_dense.size() == static_cast<std::size_t>(c.layers),
                fmt::format("layer_is_dense: expected {} layers, found {}", c.layers, c.layer_is_dense.size()));
  bool any_dense = false, any_expert = false;
  for (const bool dense : c.layer_is_dense) (dense ? any_dense : any_expert) = true;
  if (any_dense) check.range("ffn", c.ffn, 1, kMaxFfn);
  if (!any_expert) return;
  check.range("experts", c.experts, 1, kMaxExperts);
  check.range("experts_used", c.experts_used, 1, c.experts);
  check.range("expert_ffn", c.expert_ffn, 1, kMaxFfn);
}

}  // namespace

std::string_view name_of(Architecture architecture) noexcept {
  switch (architecture) {
    case Architecture::kLlama:
      return "llama";
    case Architecture::kQwen2:
      return "qwen2";
    case Architecture::kQwen3:
      return "qwen3";
    case Architecture::kQwen3Moe:
      return "qwen3_moe";
    case Architecture::kPhi3:
      return "phi3";
  }
  return "unknown";
}

void validate(const ModelConfig& config, const std::string& where) {
  const Checker check(where);
  check.range("hidden", config.hidden, 1, kMaxHidden);
  check.range("layers", config.layers, 1, kMaxLayers);
  check.range("vocab", config.vocab, 1, kMaxVocab);
  check.range("context", config.context, 1, kMaxContext);
  check.positive("rms_eps", config.rms_eps, 1.0);
  validate_attention(config, check);
  validate_rope(config, check);
  validate_feed_forward(config, check);
  for (const std::int32_t id : config.eos_ids) check.range("eos_ids", id, 0, config.vocab - 1);
  check.range("bos_id", config.bos_id, -1, config.vocab - 1);
}

std::uint64_t kv_bytes_per_position(const ModelConfig& config, double bytes_per_number) {
  const double numbers =
      2.0 * static_cast<double>(config.layers) * static_cast<double>(config.kv_heads) * static_cast<double>(config.head_dim);
  return static_cast<std::uint64_t>(std::ceil(numbers * bytes_per_number));
}

}  // namespace qbench::formats
