// The catalogue's shapes against published totals. The counting here follows the architectures' definitions and shares no code with the
// decoder.
#include <cmath>

#include "catalog_test_support.h"

namespace qbench::catalog {
namespace {

using formats::Architecture;
using formats::ModelConfig;

/// Parameters of a checkpoint, counted from its shape.
std::int64_t count_parameters(const ModelConfig& c) {
  const std::int64_t q = c.heads * c.head_dim, kv = c.kv_heads * c.head_dim;
  std::int64_t layer = c.hidden * (q + 2 * kv) + q * c.hidden + 2 * c.hidden;
  if (c.architecture == Architecture::kQwen2) layer += q + 2 * kv;
  if (c.architecture == Architecture::kQwen3 || c.architecture == Architecture::kQwen3Moe) layer += 2 * c.head_dim;
  layer += c.experts > 0 ? c.experts * (3 * c.hidden * c.expert_ffn + c.hidden) : 3 * c.hidden * c.ffn;
  return c.layers * layer + c.vocab * c.hidden * (c.tied_head ? 1 : 2) + c.hidden;
}

struct Published {
  std::string_view name;
  double total_billion;                ///< to the digits printed
  double digits;                       ///< half a unit of the last digit printed
  std::int64_t kv_bytes_per_position;  ///< BF16
};

// Totals and KV bytes as the models' cards and configs give them; SmolLM2: the tensors of the demo file hold 134,515,008 numbers.
constexpr Published kPublished[] = {
    {"qwen2.5-0.5b", 0.494, 5e-4, 12288},
    {"qwen2.5-1.5b", 1.544, 5e-4, 28672},
    {"qwen2.5-3b", 3.086, 5e-4, 36864},
    {"qwen2.5-7b", 7.615, 1e-3, 57344},
    {"qwen2.5-14b", 14.77, 5e-3, 196608},
    {"qwen2.5-32b", 32.76, 5e-3, 262144},
    {"qwen2.5-72b", 72.70, 1e-2, 327680},
    {"qwen2.5-0.5b-instruct", 0.494, 5e-4, 12288},
    {"qwen2.5-72b-instruct", 72.70, 1e-2, 327680},
    {"qwen2.5-coder-7b-instruct", 7.615, 1e-3, 57344},
    {"qwen2.5-coder-32b-instruct", 32.76, 5e-3, 262144},
    {"qwen3-0.6b", 0.596, 5e-4, 114688},
    {"qwen3-1.7b", 1.72, 5e-3, 114688},
    {"qwen3-4b", 4.02, 5e-3, 147456},
    {"qwen3-8b", 8.19, 5e-3, 147456},
    {"qwen3-14b", 14.77, 5e-3, 163840},
    {"qwen3-32b", 32.76, 5e-3, 262144},
    {"qwen3-30b-a3b", 30.53, 5e-3, 98304},
    {"qwen3-coder-30b-a3b-instruct", 30.53, 5e-3, 98304},
    {"qwen3-30b-a3b-thinking-2507", 30.53, 5e-3, 98304},
    {"phi-3-mini-4k-instruct", 3.82, 5e-3, 393216},
    {"smollm2-135m-instruct", 0.134515, 5e-7, 23040},
};

}  // namespace

TEST_CASE("every shape has the published number of parameters and KV bytes") {
  const Catalog catalog = test::shipped_catalog();
  for (const Published& expected : kPublished) {
    CAPTURE(expected.name);
    const CatalogEntry* entry = catalog.find(expected.name);
    REQUIRE(entry != nullptr);
    const double billion = static_cast<double>(count_parameters(entry->shape)) * 1e-9;
    CHECK(std::abs(billion - expected.total_billion) <= expected.digits);
    CHECK(formats::kv_bytes_per_position(entry->shape, 2.0) == static_cast<std::uint64_t>(expected.kv_bytes_per_position));
  }
}

TEST_CASE("the catalogue holds all the owner's variants") {
  const Catalog catalog = test::shipped_catalog();
  for (const std::string_view name : {"Qwen2.5-Coder-7B-Instruct",
                                      "Qwen2.5-Coder-32B-Instruct",
                                      "Qwen3-32B",
                                      "Qwen3-30B-A3B",
                                      "Qwen3-Coder-30B-A3B-Instruct",
                                      "Qwen3-30B-A3B-Thinking-2507",
                                      "Qwen2.5-0.5B",
                                      "Qwen2.5-1.5B",
                                      "Qwen2.5-3B",
                                      "Qwen2.5-7B",
                                      "Qwen2.5-14B",
                                      "Qwen2.5-32B",
                                      "Qwen2.5-72B",
                                      "Qwen2.5-0.5B-Instruct",
                                      "Qwen2.5-72B-Instruct",
                                      "Qwen3-0.6B",
                                      "Qwen3-1.7B",
                                      "Qwen3-4B",
                                      "Qwen3-8B",
                                      "Qwen3-14B",
                                      "Phi-3-mini-4k",
                                      "Phi-3-mini-4k-instruct",
                                      "SmolLM2-135M-Instruct"}) {
    CHECK_MESSAGE(catalog.find(name) != nullptr, std::string(name));
  }
}

TEST_CASE("the traps of the family are as the checkpoints have them") {
  const Catalog catalog = test::shipped_catalog();
  const auto shape = [&](std::string_view name) -> const ModelConfig& {
    REQUIRE_MESSAGE(catalog.find(name) != nullptr, std::string(name));
    return catalog.find(name)->shape;
  };
  // Vocabulary: 151,936 up to 3B and for Qwen3, 152,064 above.
  for (const CatalogEntry& entry : catalog.entries()) {
    if (entry.shape.architecture != Architecture::kQwen2) continue;
    CAPTURE(entry.name);
    CHECK(entry.shape.vocab == (entry.shape.hidden <= 2048 ? 151936 : 152064));
    CHECK(entry.shape.tied_head == (entry.shape.hidden <= 2048));
    CHECK(entry.shape.qkv_bias);
  }
  CHECK(shape("qwen2.5-14b").rms_eps == 1e-5);
  CHECK(shape("qwen2.5-14b-instruct").rms_eps == 1e-6);
  CHECK(shape("qwen2.5-coder-14b").rms_eps == 1e-6);
  CHECK(shape("qwen2.5-7b").rms_eps == 1e-6);
  CHECK(shape("qwen3-0.6b").head_dim * shape("qwen3-0.6b").heads == 2048);
  CHECK(shape("qwen3-32b").heads == 64);
  CHECK(shape("qwen3-4b").tied_head);
  CHECK_FALSE(shape("qwen3-8b").tied_head);
  const ModelConfig& coder = shape("qwen3-coder-30b-a3b-instruct");
  CHECK(coder.rope_theta == 1e7);
  CHECK(coder.context == 262144);
  CHECK(shape("qwen3-30b-a3b").rope_theta == 1e6);
  CHECK(shape("qwen3-30b-a3b").context == 40960);
  for (const ModelConfig* moe : {&coder, &shape("qwen3-30b-a3b"), &shape("qwen3-30b-a3b-thinking-2507")}) {
    CHECK(moe->experts == 128);
    CHECK(moe->experts_used == 8);
    CHECK(moe->expert_ffn == 768);
    CHECK(moe->renormalize_experts);
    CHECK(moe->qk_norm);
    CHECK_FALSE(moe->qkv_bias);
    CHECK(moe->layer_is_dense == std::vector<bool>(48, false));
  }
  const ModelConfig& phi = shape("phi-3-mini-4k");
  CHECK(phi.sliding_window == std::vector<std::int64_t>(32, 2047));
  CHECK(phi.head_dim == 96);
  CHECK(phi.rope_theta == 1e4);
  CHECK(shape("qwen2.5-7b").eos_ids == std::vector<std::int32_t>{151643});
  CHECK(shape("qwen2.5-coder-7b-instruct").eos_ids == std::vector<std::int32_t>{151645, 151643});
  CHECK(shape("smollm2-135m").layer_is_dense == std::vector<bool>(30, true));
  CHECK(shape("smollm2-135m").rope_theta == 1e5);
  CHECK(shape("smollm2-135m").context == 8192);
}

TEST_CASE("kinds and thinking are told apart") {
  const Catalog catalog = test::shipped_catalog();
  const auto entry = [&](std::string_view name) -> const CatalogEntry& { return *catalog.find(name); };
  CHECK(entry("qwen2.5-7b").kind == ModelKind::kBase);
  CHECK(entry("qwen2.5-7b-instruct").kind == ModelKind::kInstruct);
  CHECK(entry("qwen2.5-coder-7b").kind == ModelKind::kCode);
  CHECK(entry("qwen3-coder-30b").kind == ModelKind::kCode);
  CHECK(entry("qwen3-30b-a3b-thinking-2507").kind == ModelKind::kThinking);
  CHECK(entry("qwen3-30b-a3b-thinking-2507").thinking == Thinking::kAlways);
  CHECK(entry("qwen3-32b").thinking == Thinking::kOptional);
  CHECK(entry("qwen3-coder-30b").thinking == Thinking::kNever);
}

}  // namespace qbench::catalog
