#include "formats/hf_config.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/model_file.h"
#include "hf_writer.h"
#include "test_support.h"

namespace qbench::formats {
namespace {

using nlohmann::json;

ModelConfig read(const json& config) {
  bool states_tie = false;
  return read_hf_config(config, "config.json", &states_tie);
}

/// Qwen2.5-Coder-7B-Instruct's config.json as the hub has it.
json qwen25_coder_7b() {
  return json::parse(
      R"({"architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645, "hidden_act": "silu",
    "hidden_size": 3584, "initializer_range": 0.02, "intermediate_size": 18944, "max_position_embeddings": 32768, "max_window_layers": 28, "model_type": "qwen2",
    "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": 131072,
    "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.44.0", "use_cache": true, "use_sliding_window": false, "vocab_size": 152064})");
}

}  // namespace

TEST_CASE("a hub config is read: Qwen2.5-Coder-7B-Instruct") {
  const ModelConfig c = read(qwen25_coder_7b());
  CHECK(c.architecture == Architecture::kQwen2);
  CHECK(c.hidden == 3584);
  CHECK(c.layers == 28);
  CHECK(c.heads == 28);
  CHECK(c.kv_heads == 4);
  CHECK(c.head_dim == 128);
  CHECK(c.ffn == 18944);
  CHECK(c.vocab == 152064);
  CHECK(c.context == 32768);
  CHECK(c.rms_eps == 1e-6);
  CHECK(c.rope_theta == 1e6);
  CHECK(c.qkv_bias);
  CHECK_FALSE(c.qk_norm);
  CHECK_FALSE(c.tied_head);
  CHECK_FALSE(c.rope_rows_permuted);
  CHECK(c.eos_ids == std::vector<std::int32_t>{151645});
  CHECK(c.bos_id == 151643);
  CHECK(c.sliding_window == std::vector<std::int64_t>(28, 0));  // named, but not used
}

TEST_CASE("YaRN as Qwen's documentation adds it stretches the context") {
  json config = qwen25_coder_7b();
  config["rope_scaling"] = {{"factor", 4.0}, {"original_max_position_embeddings", 32768}, {"type", "yarn"}};
  const ModelConfig c = read(config);
  CHECK(c.rope_scaling.kind == RopeScaling::Kind::kYarn);
  CHECK(c.rope_scaling.factor == 4.0);
  CHECK(c.rope_scaling.original_context == 32768);
  CHECK(c.rope_scaling.attention_factor == doctest::Approx(1.138629436));
  CHECK(c.rope_scaling.beta_fast == 32.0);
  CHECK(c.rope_scaling.beta_slow == 1.0);
  CHECK(c.rope_scaling.truncate);
  CHECK(c.context == 131072);
}

TEST_CASE("YaRN's optional fields follow transformers") {
  json config = qwen25_coder_7b();
  config["rope_scaling"] = {{"factor", 8.0},  {"rope_type", "yarn"}, {"type", "linear"},       {"beta_fast", 16},
                            {"beta_slow", 0}, {"truncate", false},   {"attention_factor", 1.5}};
  ModelConfig c = read(config);
  CHECK(c.rope_scaling.kind == RopeScaling::Kind::kYarn);  // rope_type goes before type
  CHECK(c.rope_scaling.original_context == 32768);         // absent: max_position_embeddings
  CHECK(c.rope_scaling.beta_fast == 16.0);
  CHECK(c.rope_scaling.beta_slow == 1.0);  // 0 counts as absent
  CHECK_FALSE(c.rope_scaling.truncate);
  CHECK(c.rope_scaling.attention_factor == 1.5);
  config["rope_scaling"] = {{"factor", 40.0}, {"rope_type", "yarn"}, {"mscale", 1.0}, {"mscale_all_dim", 0.707}};
  CHECK(read(config).rope_scaling.attention_factor == doctest::Approx((0.1 * std::log(40.0) + 1.0) / (0.0707 * std::log(40.0) + 1.0)));
  config["rope_scaling"] = {{"factor", nullptr}, {"rope_type", "yarn"}, {"original_max_position_embeddings", 8192}};
  CHECK(read(config).rope_scaling.factor == 4.0);      // absent: the ratio of the two contexts
  config["original_max_position_embeddings"] = 16384;  // beside the object goes first
  CHECK(read(config).rope_scaling.original_context == 16384);
}

TEST_CASE("transformers 5's rope_parameters mean the same as the old fields") {
  json config = qwen25_coder_7b();
  config.erase("rope_theta");
  config["rope_parameters"] = {{"rope_theta", 1000000.0}, {"rope_type", "default"}};
  ModelConfig c = read(config);
  CHECK(c.rope_theta == 1e6);
  CHECK(c.rope_scaling.kind == RopeScaling::Kind::kNone);
  config["rope_parameters"] = {{"rope_theta", 5000.0}, {"rope_type", "linear"}, {"factor", 2.0}};
  c = read(config);
  CHECK(c.rope_theta == 5000.0);
  CHECK(c.rope_scaling.kind == RopeScaling::Kind::kLinear);
  CHECK(c.rope_scaling.factor == 2.0);
  CHECK(c.context == 32768);
}

TEST_CASE("absent RoPE fields take transformers' default") {
  json config = qwen25_coder_7b();
  config.erase("rope_theta");
  CHECK(read(config).rope_theta == 10000.0);
}

TEST_CASE("a sliding window counts only where it is used") {
  json config = qwen25_coder_7b();
  config.update({{"num_hidden_layers", 4}, {"sliding_window", 100}, {"max_window_layers", 3}});
  CHECK(read(config).sliding_window == std::vector<std::int64_t>{0, 0, 0, 0});
  config["use_sliding_window"] = true;
  CHECK(read(config).sliding_window == std::vector<std::int64_t>{0, 0, 0, 100});
  config["layer_types"] = {"sliding_attention", "full_attention", "sliding_attention", "full_attention"};
  CHECK(read(config).sliding_window == std::vector<std::int64_t>{100, 0, 100, 0});
  config["model_type"] = "qwen3_moe";
  config.update({{"num_experts", 4}, {"num_experts_per_tok", 2}, {"moe_intermediate_size", 32}});
  CHECK(read(config).sliding_window == std::vector<std::int64_t>{100, 100, 100, 100});  // its modeling file has neither field
  config["use_sliding_window"] = false;
  CHECK(read(config).sliding_window == std::vector<std::int64_t>{0, 0, 0, 0});
  config["model_type"] = "phi3";
  CHECK(read(config).sliding_window == std::vector<std::int64_t>{100, 100, 100, 100});
  config["sliding_window"] = nullptr;
  CHECK(read(config).sliding_window == std::vector<std::int64_t>{0, 0, 0, 0});
  config["model_type"] = "llama";
  config["sliding_window"] = 100;
  CHECK(read(config).sliding_window == std::vector<std::int64_t>{0, 0, 0, 0});
}

TEST_CASE("expert layers follow decoder_sparse_step and mlp_only_layers") {
  json config = test::tiny_hf("qwen3_moe").config;
  config["num_hidden_layers"] = 5;
  CHECK(read(config).layer_is_dense == std::vector<bool>{false, false, false, false, false});
  config["decoder_sparse_step"] = 2;
  CHECK(read(config).layer_is_dense == std::vector<bool>{true, false, true, false, true});
  config["mlp_only_layers"] = {3, 77};
  CHECK(read(config).layer_is_dense == std::vector<bool>{true, false, true, true, true});
  config["num_experts"] = 0;
  CHECK(read(config).layer_is_dense == std::vector<bool>{true, true, true, true, true});
}

TEST_CASE("the expert count has two names, and renormalising is off unless stated") {
  json config = test::tiny_hf("qwen3_moe").config;
  CHECK(read(config).renormalize_experts);
  config.erase("norm_topk_prob");
  CHECK_FALSE(read(config).renormalize_experts);
  config.erase("num_experts");
  config["num_local_experts"] = 4;
  CHECK(read(config).experts == 4);
}

TEST_CASE("absent fields take the defaults of transformers' configuration classes") {
  json config = test::tiny_hf("qwen3").config;
  config.erase("head_dim");
  CHECK(read(config).head_dim == 128);  // Qwen3Config
  config["model_type"] = "qwen2";
  CHECK(read(config).head_dim == 16);
  config["head_dim"] = nullptr;
  CHECK(read(config).head_dim == 16);
  config["model_type"] = "llama";
  config.erase("num_key_value_heads");
  config.erase("rms_norm_eps");
  CHECK(read(config).kv_heads == 4);
  CHECK(read(config).rms_eps == 1e-6);
  config["model_type"] = "phi3";
  CHECK(read(config).rms_eps == 1e-5);
}

TEST_CASE("EOS ids are a number, a list or null, and generation_config.json adds its own") {
  json config = test::tiny_hf("llama").config;
  config["eos_token_id"] = {5, 7, 5, -1};
  ModelConfig c = read(config);
  CHECK(c.eos_ids == std::vector<std::int32_t>{5, 7});
  const json generation = {{"eos_token_id", {7, 9}}, {"do_sample", true}, {"temperature", 0.7},
                           {"top_p", 0.8},           {"top_k", 20},       {"repetition_penalty", 1.05}};
  const GenerationDefaults defaults = read_hf_generation_config(generation, "generation_config.json", c);
  CHECK(c.eos_ids == std::vector<std::int32_t>{5, 7, 9});
  CHECK(defaults.temperature == 0.7);
  CHECK(defaults.top_p == 0.8);
  CHECK(defaults.top_k == 20);
  CHECK(defaults.repetition_penalty == 1.05);
  config["eos_token_id"] = nullptr;
  CHECK(read(config).eos_ids.empty());
  CHECK(read_hf_generation_config(json::object(), "generation_config.json", c).temperature < 0.0);
}

}  // namespace qbench::formats
