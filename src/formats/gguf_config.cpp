#include "formats/gguf_config.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "formats/quote.h"

namespace qbench::formats {
namespace {

constexpr std::int64_t kMaxCount = std::int64_t{1} << 32;
constexpr std::int64_t kMaxExperts = 1 << 14;  // as validate has it; the tensors are split by this count before that

Architecture architecture_of(const GgufMetadata& metadata) {
  const std::optional<std::string_view> name = metadata.string("general.architecture");
  if (!name) metadata.fail("general.architecture", "expected a string, found no such key");
  constexpr std::pair<std::string_view, Architecture> kKnown[] = {{"llama", Architecture::kLlama},
                                                                  {"qwen2", Architecture::kQwen2},
                                                                  {"qwen3", Architecture::kQwen3},
                                                                  {"qwen3moe", Architecture::kQwen3Moe},
                                                                  {"phi3", Architecture::kPhi3}};
  for (const auto& [text, architecture] : kKnown) {
    if (*name == text) return architecture;
  }
  throw Error(ErrorCode::kUnsupported,
              fmt::format("architecture {} is not supported; this build runs llama, qwen2, qwen3, qwen3moe and phi3", quote(*name)),
              metadata.where());
}

/// Keys of one architecture: `<architecture>.<name>`.
class ArchitectureKeys {
 public:
  explicit ArchitectureKeys(const GgufMetadata& metadata)
      : metadata_(metadata), prefix_(std::string(*metadata.string("general.architecture")) + ".") {}
  std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  std::int64_t require(std::string_view name, std::int64_t high = kMaxCount) const { return metadata_.require_integer(key(name), 1, high); }
  std::int64_t get(std::string_view name, std::int64_t otherwise, std::int64_t low = 0) const {
    return metadata_.integer(key(name), low, kMaxCount).value_or(otherwise);
  }
  std::optional<double> number(std::string_view name) const { return metadata_.number(key(name)); }
  std::optional<std::string_view> string(std::string_view name) const { return metadata_.string(key(name)); }
  const GgufValue* find(std::string_view name) const { return metadata_.find(key(name)); }
  [[noreturn]] void fail(std::string_view name, std::string_view message) const { metadata_.fail(key(name), message); }
  [[noreturn]] void unsupported(std::string_view name, const std::string& message) const {
    throw Error(ErrorCode::kUnsupported, fmt::format("metadata key {}: {}", quote(key(name)), message), metadata_.where());
  }

 private:
  const GgufMetadata& metadata_;
  std::string prefix_;
};

/// 0.1 ln(factor) + 1, the attention factor YaRN takes when none is given (Peng et al. 2023, equation 22; HF modeling_rope_utils.py).
double yarn_attention_factor(double factor) { return factor <= 1.0 ? 1.0 : 0.1 * std::log(factor) + 1.0; }

/// llama.cpp's reading of the scaling keys: without a type the factor is linear, a factor of 0 means none.
RopeScaling read_rope_scaling(const ArchitectureKeys& keys, std::int64_t context) {
  RopeScaling scaling;
  const std::string type(keys.string("rope.scaling.type").value_or("linear"));
  double factor = keys.number("rope.scaling.factor").value_or(keys.number("rope.scale_linear").value_or(0.0));
  if (factor == 0.0) factor = 1.0;
  if (type == "none" || (type == "linear" && factor == 1.0)) return scaling;
  scaling.factor = factor;
  if (type == "linear") {
    scaling.kind = RopeScaling::Kind::kLinear;
    return scaling;
  }
  if (type != "yarn")
    keys.unsupported("rope.scaling.type",
                     fmt::format("RoPE scaling {} is not supported; this build computes none, linear and yarn", quote(type)));
  scaling.kind = RopeScaling::Kind::kYarn;
  scaling.original_context = keys.get("rope.scaling.original_context_length", context, 1);
  scaling.beta_fast = keys.number("rope.scaling.yarn_beta_fast").value_or(32.0);
  scaling.beta_slow = keys.number("rope.scaling.yarn_beta_slow").value_or(1.0);
  // The converter writes HF's attention_factor, which replaces the formula; attn_factor is a further multiplier.
  scaling.attention_factor = keys.number("rope.scaling.yarn_attn_factor").value_or(yarn_attention_factor(factor)) *
                             keys.number("rope.scaling.attn_factor").value_or(1.0);
  if (keys.number("rope.scaling.yarn_ext_factor").value_or(1.0) != 1.0)
    keys.unsupported("rope.scaling.yarn_ext_factor", "only 1 is supported");
  if (keys.number("rope.scaling.yarn_log_multiplier").value_or(0.0) != 0.0)
    keys.unsupported("rope.scaling.yarn_log_multiplier", "only 0 is supported");
  return scaling;
}

void refuse_per_layer_values(const ArchitectureKeys& keys) {
  for (const char* name : {"attention.head_count", "attention.head_count_kv", "feed_forward_length"}) {
    const GgufValue* value = keys.find(name);
    if (value != nullptr && value->type == GgufType::kArray) keys.unsupported(name, "a different value for each layer is not supported");
  }
}

void read_attention(const ArchitectureKeys& keys, ModelConfig& c) {
  c.heads = keys.require("attention.head_count");
  c.kv_heads = keys.get("attention.head_count_kv", c.heads, 1);
  c.head_dim = keys.get("attention.key_length", c.hidden / c.heads, 1);
  const std::int64_t value_length = keys.get("attention.value_length", c.head_dim, 1);
  if (value_length != c.head_dim)
    keys.unsupported("attention.value_length", fmt::format("{}, unlike the key length {}", value_length, c.head_dim));
  const std::int64_t rotated = keys.get("rope.dimension_count", c.head_dim, 1);
  if (rotated != c.head_dim)
    keys.unsupported("rope.dimension_count", fmt::format("rotating {} of {} dimensions of a head is not supported", rotated, c.head_dim));
  c.rms_eps = keys.number("attention.layer_norm_rms_epsilon").value_or(-1.0);
  if (c.rms_eps <= 0.0) keys.fail("attention.layer_norm_rms_epsilon", "expected a number above 0");
  c.rope_theta = keys.number("rope.freq_base").value_or(10000.0);
}

/// Only phi3's converter writes the window of a model that uses it; the others leave the key out (0 stands for none).
void read_sliding_window(const ArchitectureKeys& keys, ModelConfig& c) {
  const std::int64_t window = keys.get("attention.sliding_window", 0);
  if (window != 0 && keys.find("attention.sliding_window_pattern") != nullptr)
    keys.unsupported("attention.sliding_window_pattern", "a pattern of windowed layers");
  c.sliding_window.assign(static_cast<std::size_t>(c.layers), window);
}

void read_experts(const ArchitectureKeys& keys, ModelConfig& c) {
  c.layer_is_dense.assign(static_cast<std::size_t>(c.layers), true);
  const std::int64_t experts = keys.get("expert_count", 0);
  if (c.architecture != Architecture::kQwen3Moe) {
    if (experts != 0) keys.unsupported("expert_count", fmt::format("{} experts in a {} model", experts, name_of(c.architecture)));
    return;
  }
  c.experts = keys.require("expert_count", kMaxExperts);
  c.experts_used = keys.require("expert_used_count", kMaxExperts);
  c.expert_ffn = keys.get("expert_feed_forward_length", c.ffn / c.experts_used, 1);
  c.renormalize_experts = true;  // the key does not exist: llama.cpp renormalises for this architecture always
}

void read_token_ids(const GgufMetadata& metadata, ModelConfig& c) {
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    const auto id = metadata.integer(key, 0, INT32_MAX);
    if (!id) continue;
    const auto value = static_cast<std::int32_t>(*id);
    if (std::find(c.eos_ids.begin(), c.eos_ids.end(), value) == c.eos_ids.end()) c.eos_ids.push_back(value);
  }
  c.bos_id = static_cast<std::int32_t>(metadata.integer("tokenizer.ggml.bos_token_id", 0, INT32_MAX).value_or(-1));
}

}  // namespace

ModelConfig read_gguf_config(const GgufMetadata& metadata) {
  ModelConfig c;
  c.architecture = architecture_of(metadata);
  const ArchitectureKeys keys(metadata);
  c.name = std::string(metadata.string("general.name").value_or(""));
  refuse_per_layer_values(keys);
  c.hidden = keys.require("embedding_length");
  c.layers = keys.require("block_count", 1 << 12);
  c.context = keys.require("context_length");
  // An expert model may have no dense layer; check_tensors asks for the width where there is one.
  c.ffn = c.architecture == Architecture::kQwen3Moe ? keys.get("feed_forward_length", 0) : keys.require("feed_forward_length");
  read_attention(keys, c);
  read_sliding_window(keys, c);
  read_experts(keys, c);
  c.rope_scaling = read_rope_scaling(keys, c.context);
  if (c.rope_scaling.kind == RopeScaling::Kind::kYarn) {
    const double stretched = c.rope_scaling.factor * static_cast<double>(c.rope_scaling.original_context);
    if (stretched > static_cast<double>(c.context) && stretched < static_cast<double>(kMaxCount))
      c.context = static_cast<std::int64_t>(stretched);
  }
  c.qkv_bias = c.architecture == Architecture::kQwen2;
  c.qk_norm = c.architecture == Architecture::kQwen3 || c.architecture == Architecture::kQwen3Moe;
  c.rope_rows_permuted = c.architecture == Architecture::kLlama;
  read_token_ids(metadata, c);
  return c;
}

std::string gguf_file_type_name(const GgufMetadata& metadata) {
  // llama.h, enum llama_ftype.
  constexpr std::pair<std::int64_t, std::string_view> kNames[] = {
      {0, "f32"},     {1, "f16"},     {2, "q4_0"},    {3, "q4_1"},    {7, "q8_0"},    {8, "q5_0"},    {9, "q5_1"},
      {10, "q2_k"},   {11, "q3_k_s"}, {12, "q3_k_m"}, {13, "q3_k_l"}, {14, "q4_k_s"}, {15, "q4_k_m"}, {16, "q5_k_s"},
      {17, "q5_k_m"}, {18, "q6_k"},   {21, "q2_k_s"}, {25, "iq4_nl"}, {30, "iq4_xs"}, {32, "bf16"}};
  const auto type = metadata.integer("general.file_type", INT64_MIN, INT64_MAX);
  for (const auto& [id, name] : kNames) {
    if (type == id) return std::string(name);
  }
  return {};
}

}  // namespace qbench::formats
