#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "base/environment.h"
#include "formats/model_file.h"
#include "test_support.h"

namespace qbench::formats {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> demo_model() {
  if (const char* named = std::getenv("QBENCH_DEMO_MODEL")) return fs::path(named);
  const fs::path cached = cache_dir() / "SmolLM2-135M-Instruct.Q4_1.gguf";
  if (fs::exists(cached)) return cached;
  return std::nullopt;
}

}  // namespace

TEST_CASE("the eight golden checkpoints open, each with its trap") {
  const auto shared = test::shared_data_dir();
  if (!shared) return test::report_skip("golden checkpoints", "no shared test data");
  int opened = 0;
  for (const fs::directory_entry& folder : fs::directory_iterator(*shared / "golden")) {
    if (!folder.is_directory()) continue;
    const std::string name = folder.path().filename().string();
    CAPTURE(name);
    const auto model = open_model_file(folder.path());
    const ModelConfig& c = model->config();
    CHECK(c.name == name);
    CHECK(c.vocab == 320);
    CHECK(model->precision_name() == "bf16");
    CHECK(model->tokenizer().kind == TokenizerSource::Kind::kHuggingFace);
    CHECK(c.eos_ids == std::vector<std::int32_t>{299, 297});
    CHECK(model->generation_defaults().top_k == 20);
    CHECK(c.tied_head == (name == "llama-tied" || name == "qwen2-tied" || name == "qwen3"));
    CHECK((c.rope_scaling.kind == RopeScaling::Kind::kYarn) == (name == "qwen2-yarn"));
    CHECK((c.rope_scaling.kind == RopeScaling::Kind::kLinear) == (name == "qwen3-linear-rope"));
    CHECK(c.sliding_window.front() == (name == "phi3" ? 24 : 0));
    CHECK(c.head_dim == (name == "phi3" ? 96 : name == "qwen3" ? 128 : 64));
    if (name == "qwen3moe-mixed") {
      CHECK(c.layer_is_dense == std::vector<bool>{false, true, false});
      CHECK_FALSE(c.renormalize_experts);
      CHECK(c.experts == 8);
    }
    ++opened;
  }
  CHECK(opened == 8);
}

TEST_CASE("the phi-3 vocabulary opens as a tokenizer") {
  const auto shared = test::shared_data_dir();
  if (!shared) return test::report_skip("phi-3 vocabulary", "no shared test data");
  const TokenizerSource source = load_tokenizer_source(*shared / "tokenizers" / "vectors" / "phi-3.gguf");
  CHECK(source.kind == TokenizerSource::Kind::kGguf);
  CHECK(source.model == "llama");
  CHECK(source.tokens.size() == 32064);
  CHECK(source.scores.size() == source.tokens.size());
}

TEST_CASE("the demo model opens") {
  const auto path = demo_model();
  if (!path) return test::report_skip("demo model", "not in the cache; scripts/quickstart.sh fetches it");
  const auto model = open_model_file(*path);
  const ModelConfig& c = model->config();
  CHECK(c.architecture == Architecture::kLlama);
  CHECK(c.rope_rows_permuted);
  CHECK(c.tied_head);
  CHECK(c.layers == 30);
  CHECK(c.heads == 9);
  CHECK(c.kv_heads == 3);
  CHECK(c.head_dim == 64);
  CHECK(c.vocab == 49152);
  CHECK(c.context == 8192);
  CHECK(model->precision_name() == "q4_1");
  CHECK(model->tensors().size() == 272);
  CHECK(model->file_bytes() == 98362432);
  CHECK(model->find("token_embd.weight")->dtype == tensor::DType::kQ8_0);
  CHECK(model->tokenizer().pre == "smollm");
}

}  // namespace qbench::formats
