#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "expect_error.h"
#include "formats/model_file.h"
#include "hf_writer.h"
#include "test_support.h"

namespace qbench::formats {
namespace {

using nlohmann::json;
using test::expect_error;
using test::HfModel;
using test::TempDir;
using test::tiny_hf;
using test::write_file;

struct JsonCorruption {
  std::string name;
  std::function<void(json&)> mutate;
  const char* expected;
};

}  // namespace

TEST_CASE("a config.json that is absent, mistyped or absurd is refused") {
  const std::vector<JsonCorruption> table{
      {"no model_type", [](json& c) { c.erase("model_type"); }, "model_type: expected a string, found nothing"},
      {"unknown model_type", [](json& c) { c["model_type"] = "mistral"; }, "model_type 'mistral' is not supported"},
      {"model_type is a number", [](json& c) { c["model_type"] = 2; }, "model_type: expected a string, found '2'"},
      {"no hidden_size", [](json& c) { c.erase("hidden_size"); }, "hidden_size: expected a whole number, found nothing"},
      {"hidden_size null", [](json& c) { c["hidden_size"] = nullptr; }, "hidden_size: expected a whole number, found nothing"},
      {"hidden_size text", [](json& c) { c["hidden_size"] = "64"; }, "hidden_size: expected a whole number from 1 to"},
      {"hidden_size -1", [](json& c) { c["hidden_size"] = -1; }, "found '-1'"},
      {"hidden_size 64.5", [](json& c) { c["hidden_size"] = 64.5; }, "found '64.5'"},
      {"hidden_size 2^64-1", [](json& c) { c["hidden_size"] = ~0ull; }, "found '18446744073709551615'"},
      {"hidden_size 1e300", [](json& c) { c["hidden_size"] = 1e300; }, "found '1e+300'"},
      {"hidden_size list", [](json& c) { c["hidden_size"] = json::array({64}); }, "hidden_size: expected a whole number"},
      {"hidden_size 2^30", [](json& c) { c["hidden_size"] = 1 << 30; }, "hidden: expected 1..1048576"},
      {"no layers", [](json& c) { c["num_hidden_layers"] = 0; }, "num_hidden_layers: expected a whole number from 1 to 4096"},
      {"10^9 layers", [](json& c) { c["num_hidden_layers"] = 1000000000; }, "num_hidden_layers: expected a whole number from 1 to 4096"},
      {"one layer too many", [](json& c) { c["num_hidden_layers"] = 3; }, "tensor 'model.layers.2.input_layernorm.weight': missing"},
      {"one layer too few", [](json& c) { c["num_hidden_layers"] = 1; }, "this build's decoder has no place for it"},
      {"3 KV heads of 4", [](json& c) { c["num_key_value_heads"] = 3; }, "heads: expected a multiple of kv_heads (3), found 4"},
      {"heads that do not divide", [](json& c) { c["num_attention_heads"] = 5, c.erase("head_dim"); },
       "hidden_size: expected a multiple of num_attention_heads (5), found 64"},
      {"another head size", [](json& c) { c["head_dim"] = 32; },
       "'model.layers.0.self_attn.q_proj.weight': expected shape (128, 64), found (64, 64)"},
      {"another width", [](json& c) { c["intermediate_size"] = 97; }, "expected shape (97, 64), found (96, 64)"},
      {"another vocabulary", [](json& c) { c["vocab_size"] = 321; },
       "'model.embed_tokens.weight': expected shape (321, 64), found (320, 64)"},
      {"another activation", [](json& c) { c["hidden_act"] = "gelu"; }, "hidden_act: expected 'silu', found 'gelu'"},
      {"attention_bias", [](json& c) { c["attention_bias"] = true; }, "attention_bias: biases"},
      {"mlp_bias", [](json& c) { c["mlp_bias"] = true; }, "mlp_bias: biases"},
      {"attention_bias text", [](json& c) { c["attention_bias"] = "no"; }, "attention_bias: expected true or false"},
      {"quantised checkpoint",
       [](json& c) {
         c["quantization_config"] = {{"quant_method", "awq"}};
       },
       "quantization_config.bits: expected"},
      {"theta 0", [](json& c) { c["rope_theta"] = 0; }, "rope_theta: expected a number above 0"},
      {"theta text", [](json& c) { c["rope_theta"] = "1e6"; }, "rope_theta: expected a number"},
      {"llama3 RoPE",
       [](json& c) {
         c["rope_scaling"] = {{"rope_type", "llama3"}, {"factor", 8.0}};
       },
       "rope_scaling.rope_type: 'llama3' is not supported"},
      {"longrope",
       [](json& c) {
         c["rope_scaling"] = {{"type", "longrope"}};
       },
       "rope_scaling.rope_type: 'longrope' is not supported"},
      {"dynamic RoPE",
       [](json& c) {
         c["rope_parameters"] = {{"rope_type", "dynamic"}, {"factor", 2.0}};
       },
       "rope_parameters.rope_type: 'dynamic' is not supported"},
      {"linear without factor",
       [](json& c) {
         c["rope_scaling"] = {{"type", "linear"}};
       },
       "rope_scaling.factor: linear scaling needs a number"},
      {"linear by 0",
       [](json& c) {
         c["rope_scaling"] = {{"type", "linear"}, {"factor", 0}};
       },
       "rope_scaling.factor: expected a number above 0"},
      {"YaRN by -4",
       [](json& c) {
         c["rope_scaling"] = {{"type", "yarn"}, {"factor", -4}};
       },
       "rope_scaling.factor: expected a number above 0"},
      {"YaRN from 0 positions",
       [](json& c) {
         c["rope_scaling"] = {{"type", "yarn"}, {"factor", 4}, {"original_max_position_embeddings", 0}};
       },
       "rope_scaling.original_max_position_embeddings: expected a whole number from 1"},
      {"RoPE is a list",
       [](json& c) {
         c["rope_scaling"] = {1, 2};
       },
       "rope_scaling: expected an object"},
      {"RoPE by layer type",
       [](json& c) {
         c["rope_parameters"] = {{"full_attention", {{"rope_theta", 1e6}}}};
       },
       "different RoPE for each kind of layer"},
      {"partial rotation", [](json& c) { c["partial_rotary_factor"] = 0.75; }, "partial_rotary_factor"},
      {"layer_types too short", [](json& c) { c["layer_types"] = {"full_attention"}; }, "layer_types: expected a list of 2 names"},
      {"unknown layer type",
       [](json& c) {
         c["layer_types"] = {"full_attention", "linear_attention"};
       },
       "layer_types: expected 'full_attention' or 'sliding_attention', found '\"linear_attention\"'"},
      {"sliding layer without window",
       [](json& c) {
         c["layer_types"] = {"full_attention", "sliding_attention"};
       },
       "no sliding window is in use"},
      {"eps 0", [](json& c) { c["rms_norm_eps"] = 0; }, "rms_eps: expected a number above 0"},
      {"EOS outside the vocabulary", [](json& c) { c["eos_token_id"] = 320; }, "eos_ids: expected 0..319, found 320"},
      {"EOS list with text",
       [](json& c) {
         c["eos_token_id"] = {1, "2"};
       },
       "eos_token_id: expected a whole number"},
      {"BOS 2^40", [](json& c) { c["bos_token_id"] = 1ll << 40; }, "bos_token_id: expected a whole number"},
      {"context 0", [](json& c) { c["max_position_embeddings"] = 0; }, "max_position_embeddings"},
      {"tie text", [](json& c) { c["tie_word_embeddings"] = "yes"; }, "tie_word_embeddings: expected true or false"},
      {"a list", [](json& c) { c = json::array({c}); }, "the file: expected an object"},
  };
  const TempDir dir;
  const HfModel good = tiny_hf("qwen2");
  test::write_model(dir.path(), good);
  REQUIRE_NOTHROW(open_model_file(dir.path()));
  for (const JsonCorruption& corruption : table) {
    CAPTURE(corruption.name);
    json config = good.config;
    corruption.mutate(config);
    write_file(dir.path() / "config.json", config.dump());
    expect_error([&] { open_model_file(dir.path()); }, corruption.expected);
  }
}

TEST_CASE("an expert config that is absent or absurd is refused") {
  const std::vector<JsonCorruption> table{
      {"no expert count", [](json& c) { c.erase("num_experts"); }, "num_local_experts: expected a whole number, found nothing"},
      {"too many used", [](json& c) { c["num_experts_per_tok"] = 5; }, "experts_used: expected 1..4, found 5"},
      {"none used", [](json& c) { c["num_experts_per_tok"] = 0; }, "num_experts_per_tok"},
      {"a million experts", [](json& c) { c["num_experts"] = 1000000; }, "experts: expected 1..16384"},
      {"one too many", [](json& c) { c["num_experts"] = 5; }, "'model.layers.0.mlp.gate.weight': expected shape (5, 64), found (4, 64)"},
      {"one too few", [](json& c) { c["num_experts"] = 3; }, "'model.layers.0.mlp.gate.weight': expected shape (3, 64), found (4, 64)"},
      {"sparse step 0", [](json& c) { c["decoder_sparse_step"] = 0; }, "decoder_sparse_step: expected a whole number from 1"},
      {"dense layer that is not", [](json& c) { c["mlp_only_layers"] = {0}; }, "'model.layers.0.mlp.gate_proj.weight': missing"},
      {"mlp_only_layers text", [](json& c) { c["mlp_only_layers"] = "0"; }, "mlp_only_layers: expected a whole number"},
  };
  const TempDir dir;
  const HfModel good = tiny_hf("qwen3_moe");
  test::write_model(dir.path(), good);
  REQUIRE_NOTHROW(open_model_file(dir.path()));
  for (const JsonCorruption& corruption : table) {
    CAPTURE(corruption.name);
    json config = good.config;
    corruption.mutate(config);
    write_file(dir.path() / "config.json", config.dump());
    expect_error([&] { open_model_file(dir.path()); }, corruption.expected);
  }
}

TEST_CASE("JSON files that are no JSON are refused with their name") {
  const TempDir dir;
  test::write_model(dir.path(), tiny_hf("llama"));
  for (const char* text : {"", "{", "{\"a\": 1,}", "\xff\xfe{}", "{\"hidden_size\": 1e999}", "{\"a\":1,\"a\":2}"}) {
    write_file(dir.path() / "config.json", text);
    expect_error([&] { open_model_file(dir.path()); }, "config.json: ");
  }
  write_file(dir.path() / "config.json", std::string(100000, '['));
  expect_error([&] { open_model_file(dir.path()); }, "nested deeper than 64 levels");
  test::write_model(dir.path(), tiny_hf("llama"));
  write_file(dir.path() / "generation_config.json", "[]");
  expect_error([&] { open_model_file(dir.path()); }, "generation_config.json: the file: expected an object");
  write_file(dir.path() / "generation_config.json", "{\"eos_token_id\": 320}");
  expect_error([&] { open_model_file(dir.path()); }, "eos_ids: expected 0..319, found 320");
  write_file(dir.path() / "generation_config.json", "{\"eos_token_id\": \"end\"}");
  expect_error([&] { open_model_file(dir.path()); }, "eos_token_id: expected");
  // Recommended sampling is only shown, so a broken number of it refuses no model.
  write_file(dir.path() / "generation_config.json", R"({"temperature": "hot", "top_k": 1e300, "top_p": 0.5})");
  CHECK(open_model_file(dir.path())->generation_defaults().temperature == -1.0);
  CHECK(open_model_file(dir.path())->generation_defaults().top_k == -1);
  CHECK(open_model_file(dir.path())->generation_defaults().top_p == 0.5);
  std::filesystem::remove(dir.path() / "generation_config.json");
  write_file(dir.path() / "tokenizer_config.json", "{\"chat_template\": 7}");
  expect_error([&] { open_model_file(dir.path()); }, "chat_template: expected a string or a list");
}

}  // namespace qbench::formats
