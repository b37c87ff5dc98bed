#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "backend/cpu/cpu_backend.h"
#include "base/digest.h"
#include "base/environment.h"
#include "base/json.h"
#include "base/text_file.h"
#include "engine/perplexity.h"
#include "formats/model_file.h"
#include "formats/tokenizer_source.h"
#include "test_support.h"
#include "text/tokenizer.h"

// The demo model's perplexity against what llama-perplexity said of it (scripts/fixtures/perplexity.py).

namespace qbench::test {
namespace {

constexpr double kTolerance = 0.005;
constexpr std::uintmax_t kDemoBytes = 98'362'432;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::optional<std::filesystem::path> demo_model() {
  if (const char* named = std::getenv("QBENCH_DEMO_MODEL")) return std::filesystem::path(named);
  const std::filesystem::path cached = cache_dir() / "SmolLM2-135M-Instruct.Q4_1.gguf";
  if (std::filesystem::exists(cached)) return cached;
  return std::nullopt;
}

}  // namespace

TEST_CASE("the demo model's perplexity is within half a percent of llama-perplexity's") {
  const std::string name = "the demo model's perplexity";
  if (kSanitized) return report_skip(name, "too slow under a sanitizer");
  const auto path = demo_model();
  if (!path) return report_skip(name, "no demo model; scripts/fetch_demo.sh downloads it");
  REQUIRE(std::filesystem::file_size(*path) == kDemoBytes);
  const std::filesystem::path folder = fixtures_dir() / "perplexity";
  const nlohmann::json expected = read_json_file(folder / "expected.json");
  const std::string text = read_text_file(folder / "text.txt");
  REQUIRE(sha256_hex(text) == expected.at("text_sha256").get<std::string>());
  REQUIRE(expected.at("results").size() == 2);

  const auto tokenizer = text::make_tokenizer(formats::load_tokenizer_source(*path));
  const auto ids = tokenizer->encode(text, {.add_special = true});
  const auto file = formats::open_model_file(*path);
  const auto device = backend::make_cpu_backend();
  const auto decoder = model::load_model(*file, *device, {});
  for (const nlohmann::json& one : expected.at("results")) {
    engine::PerplexityOptions options;
    options.context = one.at("context").get<std::int64_t>();
    CAPTURE(options.context);
    engine::SessionOptions session_options;
    session_options.context = options.context;
    engine::Session session(*decoder, session_options);
    const engine::PerplexityResult result = engine::measure_perplexity(session, ids, options);
    CHECK(result.chunks == static_cast<std::int64_t>(ids.size()) / options.context);
    CHECK(result.chunks * (options.context / 2 - 1) == result.tokens_scored);
    const double llama = one.at("perplexity").get<double>();
    CAPTURE(llama);
    CHECK(std::fabs(result.perplexity / llama - 1.0) < kTolerance);
  }
}

}  // namespace qbench::test
