#include "model/weight_plan.h"

#include <array>
#include <utility>

namespace qbench::model {
namespace {

using tensor::DType;

constexpr std::array<std::pair<WeightPrecision, std::string_view>, 13> kPrecisionNames{{
    {WeightPrecision::kAuto, "auto"},
    {WeightPrecision::kF32, "f32"},
    {WeightPrecision::kF16, "f16"},
    {WeightPrecision::kBF16, "bf16"},
    {WeightPrecision::kQ8_0, "q8_0"},
    {WeightPrecision::kQ4_0, "q4_0"},
    {WeightPrecision::kQ4_K_S, "q4_k_s"},
    {WeightPrecision::kQ4_K_M, "q4_k_m"},
    {WeightPrecision::kQ5_K_M, "q5_k_m"},
    {WeightPrecision::kQ6_K, "q6_k"},
    {WeightPrecision::kInt8, "int8"},
    {WeightPrecision::kFP8, "fp8"},
    {WeightPrecision::kInt4, "int4"},
}};

/// What a matrix is, as far as the K mixes care. Fused QKV counts as V there.
enum class Role { kEmbedding, kHead, kValue, kDown, kOther };

DType base_type(WeightPrecision precision) {
  switch (precision) {
    case WeightPrecision::kF32: return DType::kF32;
    case WeightPrecision::kF16: return DType::kF16;
    case WeightPrecision::kAuto:
    case WeightPrecision::kBF16: return DType::kBF16;
    case WeightPrecision::kQ8_0: return DType::kQ8_0;
    case WeightPrecision::kQ4_0: return DType::kQ4_0;
    case WeightPrecision::kQ4_K_S:
    case WeightPrecision::kQ4_K_M: return DType::kQ4_K;
    case WeightPrecision::kQ5_K_M: return DType::kQ5_K;
    case WeightPrecision::kQ6_K: return DType::kQ6_K;
    case WeightPrecision::kInt8: return DType::kInt8;
    case WeightPrecision::kFP8: return DType::kFP8;
    case WeightPrecision::kInt4: return DType::kInt4;
  }
  return DType::kBF16;
}

bool is_block_type(DType dtype) { return tensor::info(dtype).block_elements > 1; }

/// Layers that the _M mixes give more bits: the first and last eighth, and every third between.
bool gets_more_bits(std::int64_t layer, std::int64_t layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

DType value_type(WeightPrecision precision, std::int64_t layer, const formats::ModelConfig& config) {
  DType dtype = base_type(precision);
  const bool mixed = precision == WeightPrecision::kQ4_K_M || precision == WeightPrecision::kQ5_K_M;
  if (mixed && gets_more_bits(layer, config.layers)) dtype = DType::kQ6_K;
  if (precision == WeightPrecision::kQ4_K_S && layer < 4) dtype = DType::kQ5_K;
  if (config.layers == 80 && dtype == DType::kQ4_K) dtype = DType::kQ5_K;  // the 70B class: V is an eighth of Q, so more bits cost little
  return dtype;
}

DType down_type(WeightPrecision precision, std::int64_t layer, const formats::ModelConfig& config) {
  const bool mixed = precision == WeightPrecision::kQ4_K_M || precision == WeightPrecision::kQ5_K_M;
  if (mixed && gets_more_bits(layer, config.layers)) return DType::kQ6_K;
  if (precision == WeightPrecision::kQ4_K_S && layer < config.layers / 8) return DType::kQ5_K;
  return base_type(precision);
}

/// llama.cpp's replacements where a row is not a multiple of the block; F16 for the types that are not its own.
DType fit_to_row(DType dtype, std::int64_t cols) {
  if (cols % tensor::info(dtype).block_elements == 0) return dtype;
  DType next = DType::kF16;
  if (dtype == DType::kQ4_K) next = DType::kQ5_0;
  if (dtype == DType::kQ5_K) next = DType::kQ5_1;
  if (dtype == DType::kQ6_K) next = DType::kQ8_0;
  return cols % tensor::info(next).block_elements == 0 ? next : DType::kF16;
}

DType planned_type(Role role, WeightPrecision precision, std::int64_t layer, std::int64_t cols, const formats::ModelConfig& config) {
  DType dtype = base_type(precision);
  if (role == Role::kValue) dtype = value_type(precision, layer, config);
  if (role == Role::kDown) dtype = down_type(precision, layer, config);
  if (dtype == DType::kInt8 || dtype == DType::kFP8) return fit_to_row(dtype, cols);
  if (dtype == DType::kInt4) return role == Role::kEmbedding || role == Role::kHead ? DType::kF16 : fit_to_row(dtype, cols);
  const bool is_head = role == Role::kHead || (role == Role::kEmbedding && config.tied_head);
  if (is_head && is_block_type(dtype) && dtype != DType::kQ8_0) {
    dtype = cols % 256 == 0 ? DType::kQ6_K : DType::kQ8_0;
  }
  return fit_to_row(dtype, cols);
}

}  // namespace

std::string_view name_of(WeightPrecision precision) noexcept {
  for (const auto& [value, name] : kPrecisionNames) {
    if (value == precision) return name;
  }
  return "unknown";
}

std::optional<WeightPrecision> precision_from_name(std::string_view name) noexcept {
  for (const auto& [value, text] : kPrecisionNames) {
    if (text == name) return value;
  }
  return std::nullopt;
}

std::vector<PlannedTensor> plan_weights(const formats::ModelConfig& c, WeightPrecision precision) {
  std::vector<PlannedTensor> plan;
  const auto add = [&](const std::string& name, Role role, std::int64_t layer, std::int64_t rows, std::int64_t cols, double share = 1.0) {
    const bool read = role != Role::kEmbedding || c.tied_head;
    plan.push_back({name, rows, cols, planned_type(role, precision, layer, cols, c), read, share});
  };
  add("token_embd.weight", Role::kEmbedding, 0, c.vocab, c.hidden);
  if (!c.tied_head) add("output.weight", Role::kHead, 0, c.vocab, c.hidden);
  const bool fused = c.architecture == formats::Architecture::kPhi3;
  for (std::int64_t layer = 0; layer < c.layers; ++layer) {
    const std::string prefix = "blk." + std::to_string(layer) + ".";
    const std::int64_t q_rows = c.heads * c.head_dim;
    const std::int64_t kv_rows = c.kv_heads * c.head_dim;
    if (fused) {
      add(prefix + "attn_qkv.weight", Role::kValue, layer, q_rows + 2 * kv_rows, c.hidden);
    } else {
      add(prefix + "attn_q.weight", Role::kOther, layer, q_rows, c.hidden);
      add(prefix + "attn_k.weight", Role::kOther, layer, kv_rows, c.hidden);
      add(prefix + "attn_v.weight", Role::kValue, layer, kv_rows, c.hidden);
    }
    add(prefix + "attn_output.weight", Role::kOther, layer, c.hidden, q_rows);
    if (c.experts > 0 && !c.layer_is_dense[static_cast<std::size_t>(layer)]) {
      // The router stays in float32, as in every GGUF: a flipped expert costs more than its bytes.
      plan.push_back({prefix + "ffn_gate_inp.weight", c.experts, c.hidden, DType::kF32, true, 1.0});
      const double share = static_cast<double>(c.experts_used) / static_cast<double>(c.experts);
      for (std::int64_t e = 0; e < c.experts; ++e) {
        const std::string expert = prefix + "expert." + std::to_string(e) + ".";
        add(expert + "ffn_gate.weight", Role::kOther, layer, c.expert_ffn, c.hidden, share);
        add(expert + "ffn_up.weight", Role::kOther, layer, c.expert_ffn, c.hidden, share);
        add(expert + "ffn_down.weight", Role::kDown, layer, c.hidden, c.expert_ffn, share);
      }
      continue;
    }
    if (fused) {
      add(prefix + "ffn_gate_up.weight", Role::kOther, layer, 2 * c.ffn, c.hidden);
    } else {
      add(prefix + "ffn_gate.weight", Role::kOther, layer, c.ffn, c.hidden);
      add(prefix + "ffn_up.weight", Role::kOther, layer, c.ffn, c.hidden);
    }
    add(prefix + "ffn_down.weight", Role::kDown, layer, c.hidden, c.ffn);
  }
  return plan;
}

WeightTotals total_weights(const formats::ModelConfig& c, WeightPrecision precision) {
  WeightTotals totals;
  double read = 0.0;
  for (const PlannedTensor& t : plan_weights(c, precision)) {
    const auto bytes = static_cast<std::uint64_t>(t.rows * tensor::row_bytes(t.dtype, t.cols));
    totals.bytes += bytes;
    totals.parameters += static_cast<std::uint64_t>(t.rows * t.cols);
    if (t.read_each_token) read += static_cast<double>(bytes) * t.active_share;
  }
  std::int64_t vector_numbers = c.hidden + c.layers * 2 * c.hidden;
  if (c.qkv_bias) vector_numbers += c.layers * (c.heads + 2 * c.kv_heads) * c.head_dim;
  if (c.qk_norm) vector_numbers += c.layers * 2 * c.head_dim;
  totals.bytes += static_cast<std::uint64_t>(vector_numbers) * sizeof(float);
  totals.parameters += static_cast<std::uint64_t>(vector_numbers);
  totals.read_per_token = static_cast<std::uint64_t>(read) + static_cast<std::uint64_t>(vector_numbers) * sizeof(float);
  return totals;
}

}  // namespace qbench::model
