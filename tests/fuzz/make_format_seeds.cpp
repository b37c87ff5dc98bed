// Seeds of the format fuzz targets: small valid files, from which the fuzzer finds its way into every branch.

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "gguf_writer.h"
#include "hf_writer.h"

using namespace qbench::test;

namespace {

void write_gguf_seeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  for (const std::string architecture : {"llama", "qwen2", "qwen3", "qwen3moe", "phi3"}) {
    TinyModel tiny{.architecture = architecture,
                   .hidden = 32,
                   .layers = 1,
                   .heads = 2,
                   .kv_heads = 1,
                   .head_dim = 16,
                   .ffn = 32,
                   .vocab = 24,
                   .vocabulary = false};
    tiny.dtype = qbench::tensor::DType::kQ4_0;
    tiny.tied = true;
    if (architecture == "qwen3moe") tiny.experts = 2, tiny.experts_used = 1, tiny.expert_ffn = 32;
    GgufWriter writer = tiny_gguf(tiny);
    if (architecture == "qwen2")
      writer.string("qwen2.rope.scaling.type", "yarn").f32("qwen2.rope.scaling.factor", 4.0f).u64("general.alignment", 32);
    if (architecture == "phi3") writer.u32("phi3.attention.sliding_window", 24).u16("split.no", 0).u16("split.count", 3);
    writer.write(folder / (architecture + ".gguf"));
  }
  GgufWriter vocabulary;
  vocabulary.string("general.architecture", "llama")
      .string("tokenizer.ggml.model", "llama")
      .strings("tokenizer.ggml.tokens", {"<unk>", "<s>", "a"});
  vocabulary.integers("tokenizer.ggml.token_type", {2, 3, 1})
      .floats("tokenizer.ggml.scores", {0.0f, 0.0f, -1.0f})
      .strings("tokenizer.ggml.merges", {"a b"});
  vocabulary.u32("tokenizer.ggml.bos_token_id", 1)
      .boolean("tokenizer.ggml.add_bos_token", true)
      .string("tokenizer.chat_template", "{{ x }}");
  vocabulary.write(folder / "vocabulary.gguf");
}

/// A checkpoint as tiny as fuzz_safetensors' config asks for.
SafetensorsWriter tiny_weights(bool experts) {
  SafetensorsWriter writer;
  const std::string layer = "model.layers.0.";
  writer.add("model.embed_tokens.weight", {24, 32});
  writer.add("model.norm.weight", {32}, "F32");
  for (const char* norm : {"input_layernorm.weight", "post_attention_layernorm.weight"}) writer.add(layer + norm, {32});
  writer.add(layer + "self_attn.q_proj.weight", {32, 32}, "F16");
  writer.add(layer + "self_attn.k_proj.weight", {16, 32});
  writer.add(layer + "self_attn.v_proj.weight", {16, 32});
  writer.add(layer + "self_attn.o_proj.weight", {32, 32});
  if (!experts) {
    for (const char* name : {"mlp.gate_proj.weight", "mlp.up_proj.weight", "mlp.down_proj.weight"}) writer.add(layer + name, {32, 32});
    return writer;
  }
  for (const char* norm : {"self_attn.q_norm.weight", "self_attn.k_norm.weight"}) writer.add(layer + norm, {16});
  writer.add(layer + "mlp.gate.weight", {2, 32});
  writer.add(layer + "mlp.experts.gate_up_proj", {2, 32, 32});
  writer.add(layer + "mlp.experts.down_proj", {2, 32, 16});
  return writer;
}

void write_config_seeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  for (const std::string architecture : {"llama", "qwen2", "qwen3", "qwen3_moe", "phi3"}) {
    nlohmann::json config = tiny_hf(architecture).config;
    if (architecture == "qwen2")
      config["rope_scaling"] = {
          {"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 64}, {"mscale", 1.0}, {"truncate", true}};
    if (architecture == "qwen3")
      config.update({{"use_sliding_window", true}, {"sliding_window", 16}, {"layer_types", {"full_attention", "sliding_attention"}}});
    if (architecture == "qwen3_moe")
      config.update({{"decoder_sparse_step", 2},
                     {"mlp_only_layers", {1}},
                     {"rope_parameters", {{"rope_type", "linear"}, {"factor", 2}, {"rope_theta", 1e6}}}});
    write_file(folder / (architecture + ".json"), config.dump());
  }
  write_file(folder / "generation.json",
             R"({"eos_token_id": [1, 2], "temperature": 0.7, "top_k": 20, "top_p": 0.8, "repetition_penalty": 1.05})");
  write_file(
      folder / "index.json",
      R"({"metadata": {"total_size": 1}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}})");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_format_seeds FOLDER\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  write_gguf_seeds(folder / "fuzz_gguf");
  std::filesystem::create_directories(folder / "fuzz_safetensors");
  write_file(folder / "fuzz_safetensors" / "dense.safetensors", tiny_weights(false).bytes());
  write_file(folder / "fuzz_safetensors" / "experts.safetensors", tiny_weights(true).bytes());
  write_config_seeds(folder / "fuzz_config");
}
