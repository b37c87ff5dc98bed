#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "run/engine_settings.h"
#include "run/guard.h"
#include "run/run_options.h"
#include "run/sampling.h"
#include "test_support.h"

using namespace qbench;

TEST_CASE("a run's options come out of run.json as they went in") {
  run::RunOptions options;
  options.models = {"/m.gguf", "synthetic:x"};
  options.prompt = "Say \"hi\"";
  options.prompt_ids = {"a", "b"};
  options.profile = "realtime";
  options.settings.temperature = 0.3;
  options.settings.threads = 4;
  options.settings.stop = std::vector<std::string>{"###"};
  options.isa = "avx2";
  options.timeout_s = 90;
  options.stream = true;
  const nlohmann::json json = nlohmann::json::parse(run::to_json(options).dump());
  CHECK(run::run_options_from_json(json, "run.json") == options);
  CHECK_THROWS_AS(run::run_options_from_json(nlohmann::json::parse(R"({"models": 3})"), "run.json"), Error);
  CHECK_THROWS_AS(run::run_options_from_json(nlohmann::json::parse(R"({"settings": {"heat": 3}})"), "run.json"), Error);
}

TEST_CASE("paths that exist are made absolute, names are left alone") {
  const test::TempDir dir;
  std::ofstream(dir.path() / "m.gguf") << "x";
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path());
  run::RunOptions options;
  options.models = {"m.gguf,qwen3-8b"};
  options.suite = "smoke";
  const run::RunOptions absolute = run::with_absolute_paths(options);
  std::filesystem::current_path(before);
  REQUIRE(absolute.models.size() == 2);
  CHECK(std::filesystem::path(absolute.models[0]).is_absolute());
  CHECK(absolute.models[1] == "qwen3-8b");
  CHECK(absolute.suite == "smoke");
}

TEST_CASE("f32 weights get an f32 cache unless another was asked for") {
  workload::Settings settings;
  settings.precision = "f32";
  CHECK(run::effective_settings(settings).kv_type == "f32");
  settings.kv_type = "q8_0";
  CHECK(run::effective_settings(settings).kv_type == "q8_0");
  CHECK(run::effective_settings({}).kv_type == workload::EffectiveSettings{}.kv_type);
}

TEST_CASE("greedy keeps only the seed") {
  workload::EffectiveSettings settings;
  settings.repetition_penalty = 1.3;
  settings.top_k = 5;
  settings.seed = 9;
  const engine::SamplingParams greedy = run::sampling_params(settings, true);
  CHECK(greedy.temperature == 0.0);
  CHECK(greedy.repetition_penalty == 1.0);
  CHECK(greedy.top_k == 0);
  CHECK(greedy.seed == 9);
  CHECK(run::sampling_params(settings, false).top_k == 5);
  CHECK(nlohmann::json::parse(run::sampling_json(settings, false)).at("repetition_penalty") == 1.3);
  CHECK_FALSE(nlohmann::json::parse(run::sampling_json(settings, true)).contains("enable_thinking"));
  settings.enable_thinking = false;  // the template was told, whatever samples
  CHECK(nlohmann::json::parse(run::sampling_json(settings, true)).at("enable_thinking") == false);
  CHECK(nlohmann::json::parse(run::sampling_json(settings, false)).at("enable_thinking") == false);
}

TEST_CASE("what a cell throws becomes the failure of its row") {
  CHECK_FALSE(run::run_guarded([] {}).has_value());
  const auto context = run::run_guarded([] { throw Error(ErrorCode::kContext, "too long", "here"); });
  REQUIRE(context.has_value());
  CHECK(context->code == "context");
  CHECK(context->message == "here: too long");
  CHECK(run::run_guarded([] { throw std::bad_alloc(); })->code == "memory");
  CHECK(run::run_guarded([] { throw std::runtime_error("odd"); })->message.find("odd") != std::string::npos);
}
