#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qbench::formats {

enum class Architecture { kLlama, kQwen2, kQwen3, kQwen3Moe, kPhi3 };
std::string_view name_of(Architecture architecture) noexcept;  ///< "llama", "qwen2", "qwen3", "qwen3_moe", "phi3"

/// RoPE scaling as in HF's modeling_rope_utils.py. longrope, dynamic and llama3 are refused while reading (Error{kUnsupported}).
struct RopeScaling {
  enum class Kind { kNone, kLinear, kYarn };
  Kind kind = Kind::kNone;
  double factor = 1.0;
  std::int64_t original_context = 0;   ///< YaRN: positions the model was trained on
  double attention_factor = 0.0;       ///< YaRN: 0 means the formula 0.1 ln(factor) + 1
  double beta_fast = 32.0;
  double beta_slow = 1.0;
  bool truncate = true;                ///< YaRN: whether the correction range is rounded outwards (HF `truncate`, default true)
};

/// A decoder described by data. Everything that differs between the architectures stands here; nothing else asks which architecture it is.
struct ModelConfig {
  Architecture architecture = Architecture::kLlama;
  std::string name;                       ///< general.name, or the folder's name
  std::int64_t hidden = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t ffn = 0;                   ///< dense feed-forward width
  std::int64_t vocab = 0;                 ///< rows of the embedding, padding rows included
  std::int64_t context = 0;               ///< positions that the checkpoint states (YaRN applied where the config states it)
  double rms_eps = 1e-6;
  double rope_theta = 10000.0;
  RopeScaling rope_scaling;
  bool tied_head = false;                 ///< the head is the embedding
  bool qkv_bias = false;
  bool qk_norm = false;
  bool rope_rows_permuted = false;        ///< Q and K rows are in the llama GGUF's adjacent-pair order: un-permute whole rows at load
  std::vector<std::int64_t> sliding_window;  ///< (layers) positions a token sees, itself included; 0 means all
  // Mixture of experts; experts == 0 means dense.
  std::int64_t experts = 0;
  std::int64_t experts_used = 0;
  std::int64_t expert_ffn = 0;
  bool renormalize_experts = false;
  std::vector<bool> layer_is_dense;       ///< (layers) true where the layer has the dense feed-forward
  // Token ids that the checkpoint names; the tokenizer may add more.
  std::vector<std::int32_t> eos_ids;
  std::int32_t bos_id = -1;               ///< -1: none
};

/// Sanity of every number and relation (positive, divisible, products that fit). Throws Error{kFormat} naming field, expected and actual.
void validate(const ModelConfig& config, const std::string& where);

/// Bytes of K and V of one position over all layers: layers x 2 x kv_heads x head_dim x bytes per number.
std::uint64_t kv_bytes_per_position(const ModelConfig& config, double bytes_per_number);

}  // namespace qbench::formats
