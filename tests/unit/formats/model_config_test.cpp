#include "formats/model_config.h"

#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "expect_error.h"

namespace qbench::formats {
namespace {

ModelConfig good_config() {
  ModelConfig c;
  c.hidden = 64, c.layers = 2, c.heads = 4, c.kv_heads = 2, c.head_dim = 16, c.ffn = 96, c.vocab = 320, c.context = 256;
  c.sliding_window = {0, 0};
  c.layer_is_dense = {true, true};
  return c;
}

}  // namespace

TEST_CASE("every number of a config is checked, with the field in the message") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const struct {
    const char* expected;
    std::function<void(ModelConfig&)> mutate;
  } table[] = {
      {"hidden: expected 1..1048576, found 0", [](ModelConfig& c) { c.hidden = 0; }},
      {"layers: expected", [](ModelConfig& c) { c.layers = 5000; }},
      {"vocab: expected", [](ModelConfig& c) { c.vocab = -1; }},
      {"context: expected", [](ModelConfig& c) { c.context = 0; }},
      {"heads: expected", [](ModelConfig& c) { c.heads = 100000; }},
      {"kv_heads: expected 1..4, found 5", [](ModelConfig& c) { c.kv_heads = 5; }},
      {"heads: expected a multiple of kv_heads (3), found 4", [](ModelConfig& c) { c.kv_heads = 3; }},
      {"head_dim: RoPE needs an even number, found 15", [](ModelConfig& c) { c.head_dim = 15; }},
      {"ffn: expected", [](ModelConfig& c) { c.ffn = 0; }},
      {"rms_eps: expected", [nan](ModelConfig& c) { c.rms_eps = nan; }},
      {"rope_theta: expected", [](ModelConfig& c) { c.rope_theta = -1.0; }},
      {"sliding_window: expected 2 layers, found 1", [](ModelConfig& c) { c.sliding_window = {0}; }},
      {"sliding_window: expected",
       [](ModelConfig& c) {
         c.sliding_window = {0, -3};
       }},
      {"layer_is_dense: expected 2 layers, found 0", [](ModelConfig& c) { c.layer_is_dense = {}; }},
      {"experts: expected",
       [](ModelConfig& c) {
         c.layer_is_dense = {true, false};
       }},
      {"experts_used: expected 1..4, found 5",
       [](ModelConfig& c) {
         c.layer_is_dense = {true, false}, c.experts = 4, c.experts_used = 5, c.expert_ffn = 8;
       }},
      {"expert_ffn: expected",
       [](ModelConfig& c) {
         c.layer_is_dense = {true, false}, c.experts = 4, c.experts_used = 2;
       }},
      {"eos_ids: expected 0..319, found 320",
       [](ModelConfig& c) {
         c.eos_ids = {3, 320};
       }},
      {"bos_id: expected -1..319, found 400", [](ModelConfig& c) { c.bos_id = 400; }},
      {"rope_scaling.factor: expected", [](ModelConfig& c) { c.rope_scaling = {.kind = RopeScaling::Kind::kLinear, .factor = 0.0}; }},
      {"rope_scaling.original_context: expected",
       [](ModelConfig& c) { c.rope_scaling = {.kind = RopeScaling::Kind::kYarn, .factor = 2.0}; }},
      {"rope_scaling.beta_fast: expected",
       [](ModelConfig& c) {
         c.rope_scaling = {.kind = RopeScaling::Kind::kYarn, .factor = 2.0, .original_context = 64, .beta_fast = 0.0};
       }},
  };
  CHECK_NOTHROW(validate(good_config(), "here"));
  for (const auto& [expected, mutate] : table) {
    ModelConfig config = good_config();
    mutate(config);
    test::expect_error([&] { validate(config, "here"); }, std::string("here: ") + expected);
  }
}

TEST_CASE("a model of expert layers only needs no dense width") {
  ModelConfig c = good_config();
  c.ffn = 0, c.experts = 4, c.experts_used = 2, c.expert_ffn = 32, c.layer_is_dense = {false, false};
  CHECK_NOTHROW(validate(c, "here"));
}

TEST_CASE("the cache of one position counts keys and values of all layers") {
  ModelConfig c = good_config();
  c.layers = 28, c.kv_heads = 4, c.head_dim = 128;
  CHECK(kv_bytes_per_position(c, 2.0) == 57344);        // Qwen2.5-7B in BF16
  CHECK(kv_bytes_per_position(c, 34.0 / 32) == 30464);  // Q8_0
}

}  // namespace qbench::formats
