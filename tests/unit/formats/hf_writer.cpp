#include "hf_writer.h"

#include <cstring>
#include <fstream>
#include <stdexcept>

#include "base/random.h"
#include "tensor/convert.h"

namespace qbench::test {
namespace {

using nlohmann::json;

void add_layer(SafetensorsWriter& weights, const json& c, const std::string& architecture, int layer) {
  const auto number = [&](const char* key) { return c.at(key).get<std::int64_t>(); };
  const std::int64_t hidden = number("hidden_size"), ffn = number("intermediate_size"), head_dim = number("head_dim");
  const std::int64_t q_rows = number("num_attention_heads") * head_dim, kv_rows = number("num_key_value_heads") * head_dim;
  const std::string layer_prefix = "model.layers." + std::to_string(layer) + ".";
  const auto add = [&](const std::string& name, const std::vector<std::int64_t>& shape) { weights.add(layer_prefix + name, shape); };
  add("input_layernorm.weight", {hidden});
  if (architecture == "phi3") {
    add("self_attn.qkv_proj.weight", {q_rows + 2 * kv_rows, hidden});
  } else {
    add("self_attn.q_proj.weight", {q_rows, hidden});
    add("self_attn.k_proj.weight", {kv_rows, hidden});
    add("self_attn.v_proj.weight", {kv_rows, hidden});
  }
  if (architecture == "qwen2")
    add("self_attn.q_proj.bias", {q_rows}), add("self_attn.k_proj.bias", {kv_rows}), add("self_attn.v_proj.bias", {kv_rows});
  if (architecture.starts_with("qwen3")) add("self_attn.q_norm.weight", {head_dim}), add("self_attn.k_norm.weight", {head_dim});
  add("self_attn.o_proj.weight", {hidden, q_rows});
  add("post_attention_layernorm.weight", {hidden});
  if (architecture == "qwen3_moe") {
    const std::int64_t width = number("moe_intermediate_size");
    add("mlp.gate.weight", {number("num_experts"), hidden});
    for (std::int64_t expert = 0; expert < number("num_experts"); ++expert) {
      const std::string prefix = "mlp.experts." + std::to_string(expert) + ".";
      add(prefix + "gate_proj.weight", {width, hidden}), add(prefix + "up_proj.weight", {width, hidden}),
          add(prefix + "down_proj.weight", {hidden, width});
    }
    return;
  }
  if (architecture == "phi3")
    add("mlp.gate_up_proj.weight", {2 * ffn, hidden});
  else
    add("mlp.gate_proj.weight", {ffn, hidden}), add("mlp.up_proj.weight", {ffn, hidden});
  add("mlp.down_proj.weight", {hidden, ffn});
}

}  // namespace

void SafetensorsWriter::add(std::string_view name, const std::vector<std::int64_t>& shape, const std::string& dtype) {
  std::int64_t elements = 1;
  for (const std::int64_t size : shape) elements *= size;
  const tensor::DType type = dtype == "F32" ? tensor::DType::kF32 : dtype == "F16" ? tensor::DType::kF16 : tensor::DType::kBF16;
  std::string data(static_cast<std::size_t>(tensor::row_bytes(type, elements)), '\0');
  tensor::draw_row(type, 1, mix64(std::hash<std::string_view>{}(name)), 0, 0.1, reinterpret_cast<std::byte*>(data.data()), elements);
  tensors.push_back({std::string(name), dtype, shape, std::move(data)});
}

json SafetensorsWriter::header() const {
  json out = {{"__metadata__", {{"format", "pt"}}}};
  std::uint64_t at = 0;
  for (const Tensor& entry : tensors) {
    out[entry.name] = {{"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", {at, at + entry.data.size()}}};
    at += entry.data.size();
  }
  return out;
}

std::string SafetensorsWriter::bytes_with(const std::string& header_text) const {
  const std::uint64_t size = header_text.size();
  std::string out(reinterpret_cast<const char*>(&size), sizeof(size));
  out += header_text;
  for (const Tensor& entry : tensors) out += entry.data;
  return out;
}

HfModel tiny_hf(const std::string& architecture) {
  HfModel model;
  model.config = {{"model_type", architecture},     {"hidden_size", 64},    {"num_hidden_layers", 2},  {"num_attention_heads", 4},
                  {"num_key_value_heads", 2},       {"head_dim", 16},       {"intermediate_size", 96}, {"vocab_size", 320},
                  {"max_position_embeddings", 256}, {"rms_norm_eps", 1e-6}, {"rope_theta", 10000.0},   {"tie_word_embeddings", false},
                  {"hidden_act", "silu"},           {"eos_token_id", 319},  {"bos_token_id", nullptr}};
  if (architecture == "qwen3_moe") {
    model.config.update({{"num_experts", 4}, {"num_experts_per_tok", 2}, {"moe_intermediate_size", 32}, {"norm_topk_prob", true}});
  }
  model.weights.add("model.embed_tokens.weight", {320, 64});
  for (int layer = 0; layer < 2; ++layer) add_layer(model.weights, model.config, architecture, layer);
  model.weights.add("model.norm.weight", {64});
  model.weights.add("lm_head.weight", {320, 64});
  return model;
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

void write_model(const std::filesystem::path& folder, const HfModel& model) {
  write_file(folder / "config.json", model.config.dump());
  write_file(folder / "model.safetensors", model.weights.bytes());
}

json write_sharded(const std::filesystem::path& folder, const HfModel& model, std::size_t parts) {
  write_file(folder / "config.json", model.config.dump());
  json index = {{"metadata", {{"total_size", 0}}}, {"weight_map", json::object()}};
  const std::vector<SafetensorsWriter::Tensor>& all = model.weights.tensors;
  for (std::size_t i = 0; i < parts; ++i) {
    SafetensorsWriter shard;
    shard.tensors.assign(all.begin() + static_cast<std::ptrdiff_t>(all.size() * i / parts),
                         all.begin() + static_cast<std::ptrdiff_t>(all.size() * (i + 1) / parts));
    const std::string name = "model-0000" + std::to_string(i + 1) + "-of-0000" + std::to_string(parts) + ".safetensors";
    for (const SafetensorsWriter::Tensor& entry : shard.tensors) index["weight_map"][entry.name] = name;
    write_file(folder / name, shard.bytes());
  }
  write_file(folder / "model.safetensors.index.json", index.dump());
  return index;
}

}  // namespace qbench::test
