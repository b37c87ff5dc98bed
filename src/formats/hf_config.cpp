#include "formats/hf_config.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "formats/json_fields.h"
#include "formats/quote.h"

namespace qbench::formats {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxCount = std::int64_t{1} << 32;

[[noreturn]] void unsupported(const std::string& message, const std::string& where) {
  throw Error(ErrorCode::kUnsupported, message, where);
}

Architecture architecture_of(const JsonFields& fields) {
  const std::optional<std::string> type = fields.string("model_type");
  if (!type) throw Error(ErrorCode::kFormat, "model_type: expected a string, found nothing", fields.where());
  for (const Architecture known :
       {Architecture::kLlama, Architecture::kQwen2, Architecture::kQwen3, Architecture::kQwen3Moe, Architecture::kPhi3}) {
    if (*type == name_of(known)) return known;
  }
  unsupported(fmt::format("model_type {} is not supported; this build runs llama, qwen2, qwen3, qwen3_moe and phi3", quote(*type)),
              fields.where());
}

/// Settings that change the arithmetic in ways the decoder does not have.
void refuse_variants(const JsonFields& fields) {
  const std::string activation = fields.string("hidden_act").value_or("silu");
  if (activation != "silu" && activation != "swish")
    unsupported(fmt::format("hidden_act: expected 'silu', found {}", quote(activation)), fields.where());
  for (const char* flag : {"attention_bias", "mlp_bias"}) {
    if (fields.boolean(flag).value_or(false))
      unsupported(fmt::format("{}: biases on the output or feed-forward projections are not supported", flag), fields.where());
  }
}

void read_attention(const JsonFields& fields, ModelConfig& c) {
  c.heads = fields.require_integer("num_attention_heads", 1, kMaxCount);
  const bool default_is_heads = c.architecture == Architecture::kLlama || c.architecture == Architecture::kPhi3;
  const auto kv_heads = fields.integer("num_key_value_heads", 1, kMaxCount);
  if (!kv_heads && !default_is_heads) fields.require_integer("num_key_value_heads", 1, kMaxCount);
  c.kv_heads = kv_heads.value_or(c.heads);
  const bool explicit_128 = c.architecture == Architecture::kQwen3;
  const auto head_dim = fields.integer("head_dim", 1, kMaxCount);
  if (!head_dim && !explicit_128 && c.hidden % c.heads != 0) {
    throw Error(ErrorCode::kFormat,
                fmt::format("hidden_size: expected a multiple of num_attention_heads ({}), found {}", c.heads, c.hidden), fields.where());
  }
  c.head_dim = head_dim.value_or(explicit_128 ? 128 : c.hidden / c.heads);
  c.rms_eps = fields.number("rms_norm_eps").value_or(c.architecture == Architecture::kPhi3 ? 1e-5 : 1e-6);
}

/// Which layers see how much. llama has no window; phi3 uses one when it is named; the Qwens when use_sliding_window says so: qwen3_moe in
/// every layer, qwen2 and qwen3 where layer_types says, or, without it, from max_window_layers on.
void read_sliding_window(const JsonFields& fields, ModelConfig& c) {
  c.sliding_window.assign(static_cast<std::size_t>(c.layers), 0);
  if (c.architecture == Architecture::kLlama) return;
  const bool used = c.architecture == Architecture::kPhi3 || fields.boolean("use_sliding_window").value_or(false);
  const auto stated = fields.integer("sliding_window", 1, kMaxCount);
  const std::int64_t window = used ? stated.value_or(0) : 0;
  if (c.architecture == Architecture::kPhi3 || c.architecture == Architecture::kQwen3Moe) {
    std::fill(c.sliding_window.begin(), c.sliding_window.end(), window);
    return;
  }
  const json* types = fields.find("layer_types");
  if (types == nullptr) {
    const std::int64_t first = fields.integer("max_window_layers", 0, kMaxCount).value_or(28);
    for (std::int64_t layer = first; layer < c.layers; ++layer) c.sliding_window[static_cast<std::size_t>(layer)] = window;
    return;
  }
  if (!types->is_array() || types->size() != c.sliding_window.size())
    fields.fail("layer_types", fmt::format("a list of {} names", c.layers), *types);
  for (std::size_t layer = 0; layer < types->size(); ++layer) {
    const json& type = (*types)[layer];
    if (type == "full_attention") continue;
    if (type != "sliding_attention") fields.fail("layer_types", "'full_attention' or 'sliding_attention'", type);
    if (window == 0) fields.fail("layer_types", "no 'sliding_attention' while no sliding window is in use", type);
    c.sliding_window[layer] = window;
  }
}

void read_experts(const JsonFields& fields, ModelConfig& c) {
  c.layer_is_dense.assign(static_cast<std::size_t>(c.layers), true);
  if (c.architecture != Architecture::kQwen3Moe) return;
  const auto experts = fields.integer("num_experts", 0, kMaxCount);  // transformers 5 writes num_local_experts
  c.experts = experts ? *experts : fields.require_integer("num_local_experts", 0, kMaxCount);
  if (c.experts == 0) return;
  c.experts_used = fields.require_integer("num_experts_per_tok", 1, kMaxCount);
  c.expert_ffn = fields.require_integer("moe_intermediate_size", 1, kMaxCount);
  c.renormalize_experts = fields.boolean("norm_topk_prob").value_or(false);
  const std::int64_t step = fields.integer("decoder_sparse_step", 1, kMaxCount).value_or(1);
  for (std::int64_t layer = 0; layer < c.layers; ++layer) c.layer_is_dense[static_cast<std::size_t>(layer)] = (layer + 1) % step != 0;
  for (const std::int64_t layer : fields.integers("mlp_only_layers", 0, kMaxCount)) {
    if (layer < c.layers) c.layer_is_dense[static_cast<std::size_t>(layer)] = true;
  }
}

/// One id, a list or null; -1 stands for none in some files.
void add_eos_ids(const JsonFields& fields, ModelConfig& c) {
  for (const std::int64_t id : fields.integers("eos_token_id", -1, INT32_MAX)) {
    const auto value = static_cast<std::int32_t>(id);
    if (value >= 0 && std::find(c.eos_ids.begin(), c.eos_ids.end(), value) == c.eos_ids.end()) c.eos_ids.push_back(value);
  }
}

}  // namespace

ModelConfig read_hf_config(const json& config, const std::string& where, bool* states_tie) {
  const JsonFields fields(config, where);
  ModelConfig c;
  c.architecture = architecture_of(fields);
  refuse_variants(fields);
  c.hidden = fields.require_integer("hidden_size", 1, kMaxCount);
  c.layers = fields.require_integer("num_hidden_layers", 1, 1 << 12);
  c.ffn = fields.require_integer("intermediate_size", 1, kMaxCount);
  c.vocab = fields.require_integer("vocab_size", 1, kMaxCount);
  c.context = fields.require_integer("max_position_embeddings", 1, kMaxCount);
  read_attention(fields, c);
  read_hf_rope(config, where, c);
  read_sliding_window(fields, c);
  read_experts(fields, c);
  const std::optional<bool> tied = fields.boolean("tie_word_embeddings");
  *states_tie = tied.has_value();
  c.tied_head = tied.value_or(true);
  c.qkv_bias = c.architecture == Architecture::kQwen2;
  c.qk_norm = c.architecture == Architecture::kQwen3 || c.architecture == Architecture::kQwen3Moe;
  add_eos_ids(fields, c);
  c.bos_id = static_cast<std::int32_t>(fields.integer("bos_token_id", -1, INT32_MAX).value_or(-1));
  validate(c, where);
  return c;
}

GenerationDefaults read_hf_generation_config(const json& generation, const std::string& where, ModelConfig& config) {
  const JsonFields fields(generation, where);
  add_eos_ids(fields, config);
  // Recommendations are only shown: one that is no number is none, and keeps nobody from using the model.
  const auto recommended = [&](const char* name) {
    const json* found = fields.find(name);
    const double value = found != nullptr && found->is_number() ? found->get<double>() : -1.0;
    return value >= 0.0 && value <= 1e6 ? value : -1.0;
  };
  GenerationDefaults defaults;
  defaults.temperature = recommended("temperature");
  defaults.top_p = recommended("top_p");
  defaults.repetition_penalty = recommended("repetition_penalty");
  defaults.top_k = static_cast<int>(recommended("top_k"));
  return defaults;
}

}  // namespace qbench::formats
