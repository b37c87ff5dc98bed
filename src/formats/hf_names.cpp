#include "formats/hf_names.h"

#include <utility>

#include <fmt/format.h>

#include "formats/tensor_table.h"

namespace qbench::formats {
namespace {

struct NamePair {
  std::string_view hf, neutral;
};

constexpr NamePair kOutside[] = {{"embed_tokens.weight", "token_embd.weight"}, {"norm.weight", "output_norm.weight"}};

constexpr NamePair kInLayer[] = {
    {"input_layernorm.weight", "attn_norm.weight"},    {"self_attn.q_proj.weight", "attn_q.weight"},
    {"self_attn.k_proj.weight", "attn_k.weight"},      {"self_attn.v_proj.weight", "attn_v.weight"},
    {"self_attn.q_proj.bias", "attn_q.bias"},          {"self_attn.k_proj.bias", "attn_k.bias"},
    {"self_attn.v_proj.bias", "attn_v.bias"},          {"self_attn.qkv_proj.weight", "attn_qkv.weight"},
    {"self_attn.q_norm.weight", "attn_q_norm.weight"}, {"self_attn.k_norm.weight", "attn_k_norm.weight"},
    {"self_attn.o_proj.weight", "attn_output.weight"}, {"post_attention_layernorm.weight", "ffn_norm.weight"},
    {"mlp.gate_proj.weight", "ffn_gate.weight"},       {"mlp.up_proj.weight", "ffn_up.weight"},
    {"mlp.down_proj.weight", "ffn_down.weight"},       {"mlp.gate_up_proj.weight", "ffn_gate_up.weight"},
    {"mlp.gate.weight", "ffn_gate_inp.weight"},        {"mlp.experts.gate_up_proj", "experts.gate_up"},
    {"mlp.experts.down_proj", "experts.down"},
};

constexpr NamePair kInExpert[] = {
    {"gate_proj.weight", "ffn_gate.weight"}, {"up_proj.weight", "ffn_up.weight"}, {"down_proj.weight", "ffn_down.weight"}};

template <std::size_t n>
std::optional<std::string_view> to_neutral(const NamePair (&pairs)[n], std::string_view hf) {
  for (const NamePair& pair : pairs) {
    if (pair.hf == hf) return pair.neutral;
  }
  return std::nullopt;
}

template <std::size_t n>
std::optional<std::string_view> to_hf(const NamePair (&pairs)[n], std::string_view neutral) {
  for (const NamePair& pair : pairs) {
    if (pair.neutral == neutral) return pair.hf;
  }
  return std::nullopt;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::optional<std::string> neutral_from_hf(std::string_view name) {
  if (name == "lm_head.weight") return "output.weight";
  take_prefix(name, "model.");  // a checkpoint of the bare decoder leaves it out
  if (const auto neutral = to_neutral(kOutside, name)) return std::string(*neutral);
  if (!take_prefix(name, "layers.")) return std::nullopt;
  const std::optional<std::int64_t> layer = take_index(name);
  if (!layer) return std::nullopt;
  if (const auto neutral = to_neutral(kInLayer, name)) return layer_tensor(*layer, *neutral);
  if (!take_prefix(name, "mlp.experts.")) return std::nullopt;
  const std::optional<std::int64_t> expert = take_index(name);
  const auto neutral = expert ? to_neutral(kInExpert, name) : std::nullopt;
  if (!neutral) return std::nullopt;
  return expert_tensor(*layer, *expert, *neutral);
}

std::string hf_from_neutral(std::string_view neutral) {
  if (neutral == "output.weight") return "lm_head.weight";
  if (const auto hf = to_hf(kOutside, neutral)) return fmt::format("model.{}", *hf);
  std::string_view rest = neutral;
  const std::optional<std::int64_t> layer = take_prefix(rest, "blk.") ? take_index(rest) : std::nullopt;
  if (!layer) return std::string(neutral);
  if (const auto hf = to_hf(kInLayer, rest)) return fmt::format("model.layers.{}.{}", *layer, *hf);
  const std::optional<std::int64_t> expert = take_prefix(rest, "expert.") ? take_index(rest) : std::nullopt;
  const auto hf = expert ? to_hf(kInExpert, rest) : std::nullopt;
  return hf ? fmt::format("model.layers.{}.mlp.experts.{}.{}", *layer, *expert, *hf) : std::string(neutral);
}

bool is_ignorable_hf_tensor(std::string_view name) { return name.ends_with("rotary_emb.inv_freq"); }

}  // namespace qbench::formats
