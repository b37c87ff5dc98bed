#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "backend/cpu/cpu_backend.h"
#include "base/error.h"
#include "engine/perplexity.h"
#include "engine/session.h"
#include "golden.h"
#include "tampered.h"
#include "test_support.h"

namespace qbench::engine {
namespace {

struct Loaded {
  std::unique_ptr<formats::ModelFile> file;
  std::unique_ptr<backend::Backend> device;
  std::unique_ptr<model::Model> decoder;
};

Loaded load(const std::string& name, int threads = 2, model::WeightPrecision precision = model::WeightPrecision::kAuto) {
  Loaded l;
  l.file = formats::open_model_file(test::fixtures_dir() / "engine" / name);
  backend::CpuOptions options;
  options.threads = threads;
  l.device = backend::make_cpu_backend(options);
  model::ModelOptions model_options;
  model_options.precision = precision;
  model_options.max_step_tokens = 16;
  l.decoder = model::load_model(*l.file, *l.device, model_options);
  return l;
}

SessionOptions small(std::int64_t context, std::int64_t sequences = 1) {
  SessionOptions options;
  options.context = context;
  options.sequences = sequences;
  options.kv_dtype = tensor::DType::kF32;
  options.sampling_vocab = 128;
  return options;
}

GenerateRequest ask(std::vector<std::vector<std::int32_t>> prompts, std::int64_t count) {
  GenerateRequest request;
  request.prompts = std::move(prompts);
  request.max_new_tokens = count;
  request.ignore_eos = true;
  return request;
}

}  // namespace

TEST_CASE("same seed gives the same tokens with one, two and three threads") {
  std::vector<std::vector<std::int32_t>> outputs;
  for (const int threads : {1, 2, 3}) {
    const Loaded l = load("qwen3moe", threads);
    Session session(*l.decoder, small(128));
    GenerateRequest request = ask({{5, 9, 77, 3}}, 40);
    request.sampling.temperature = 0.9;
    request.sampling.top_p = 0.95;
    request.sampling.seed = 11;
    outputs.push_back(session.generate(request)[0].output_ids);
  }
  CHECK(outputs[0] == outputs[1]);
  CHECK(outputs[0] == outputs[2]);
}

TEST_CASE("sequences of a batch give what each gives alone") {
  const Loaded l = load("qwen3", 2, model::WeightPrecision::kF32);
  const std::vector<std::vector<std::int32_t>> prompts{{1, 2, 3, 4, 5}, {90, 80, 70}, {7, 7, 7, 7, 7, 7, 7, 7}};
  Session batched(*l.decoder, small(64, 3));
  const auto together = batched.generate(ask(prompts, 20));
  Session single(*l.decoder, small(64));
  for (std::size_t s = 0; s < prompts.size(); ++s) {
    const auto alone = single.generate(ask({prompts[s]}, 20));
    CHECK(alone[0].output_ids == together[s].output_ids);
    CHECK(together[s].token_ns.size() == together[s].output_ids.size());
  }
}

TEST_CASE("a session that has run before gives the same answer again") {
  const Loaded l = load("phi3");
  Session session(*l.decoder, small(64));
  const auto first = session.generate(ask({{1, 2, 3}}, 30))[0].output_ids;
  session.generate(ask({{99, 98, 97, 96, 95, 94}}, 10));
  CHECK(session.generate(ask({{1, 2, 3}}, 30))[0].output_ids == first);
}

TEST_CASE("an EOS stops unless it is ignored, and is never masked") {
  const Loaded l = load("qwen2-tied");
  Session session(*l.decoder, small(64));
  GenerateRequest request = ask({{1, 2, 3}}, 24);
  const auto free_run = session.generate(request)[0].output_ids;
  REQUIRE(free_run.size() == 24);
  request.eos_ids = {free_run[5]};
  CHECK(session.generate(request)[0].output_ids == free_run);
  request.ignore_eos = false;
  const Generation stopped = session.generate(request)[0];
  CHECK(stopped.stop_reason == StopReason::kEos);
  CHECK(stopped.output_ids.back() == free_run[5]);
  CHECK(stopped.output_ids.size() <= 6);
}

TEST_CASE("a generation that fills the context stops there and says so") {
  const Loaded l = load("qwen3");
  Session session(*l.decoder, small(16));
  const Generation full = session.generate(ask({{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}, 1000))[0];
  CHECK(full.stop_reason == StopReason::kContextFull);
  CHECK(full.output_ids.size() == 7);  // six more positions hold K and V, and the last token needs none
}

TEST_CASE("a prompt longer than the context is refused before anything runs") {
  const Loaded l = load("qwen3");
  Session session(*l.decoder, small(8));
  CHECK_THROWS_WITH_AS(session.generate(ask({std::vector<std::int32_t>(9, 1)}, 4)), doctest::Contains("9 tokens, the context holds 8"), Error);
  CHECK_THROWS_WITH_AS(session.generate(ask({{}}, 4)), doctest::Contains("no tokens"), Error);
  CHECK_THROWS_WITH_AS(session.generate(ask({{1, 5000}}, 4)), doctest::Contains("5000"), Error);
  CHECK_THROWS_WITH_AS(Session(*l.decoder, small(100000)), doctest::Contains("512 positions"), Error);
}

TEST_CASE("ids that the model has no embedding for are refused wherever ids come in") {
  const Loaded l = load("qwen3");
  Session session(*l.decoder, small(64, 2));
  const auto unknown = doctest::Contains("outside the model's vocabulary of 136");
  const auto vocab = static_cast<std::int32_t>(l.decoder->config().vocab);
  REQUIRE(vocab == 136);
  for (const std::int32_t bad : {vocab, -1}) {
    const std::vector<std::int32_t> ids{1, bad};
    CHECK_THROWS_WITH_AS(session.generate(ask({ids}, 4)), unknown, Error);
    CHECK_THROWS_WITH_AS(session.feed(0, 0, ids), unknown, Error);
    CHECK_THROWS_WITH_AS(session.decode(ids, 0, 1), unknown, Error);
    CHECK_THROWS_WITH_AS(session.score(ids, 0, [](std::int64_t, std::span<const float>) {}), unknown, Error);
    PerplexityOptions options;
    options.context = 4;
    CHECK_THROWS_WITH_AS(measure_perplexity(session, ids, options), unknown, Error);
    if (bad < 0) continue;  // there it means no BOS
    options.bos_id = bad;
    CHECK_THROWS_WITH_AS(measure_perplexity(session, std::vector<std::int32_t>(8, 1), options), unknown, Error);
  }
  session.feed(0, 0, std::vector<std::int32_t>{vocab - 1});  // padding rows have embeddings
}

TEST_CASE("absurd session and request options are refused") {
  const Loaded l = load("qwen3");
  CHECK_THROWS_WITH_AS(Session(*l.decoder, small(64, 0)), doctest::Contains("--batch"), Error);
  CHECK_THROWS_WITH_AS(Session(*l.decoder, small(64, 17)), doctest::Contains("16 tokens of a step"), Error);
  CHECK_THROWS_WITH_AS(Session(*l.decoder, small(-1)), doctest::Contains("--context"), Error);
  Session session(*l.decoder, small(64));
  CHECK_THROWS_WITH_AS(session.generate(ask({{1, 2}}, 0)), doctest::Contains("--max-new-tokens"), Error);
  PerplexityOptions options;
  options.method = PerplexityMethod::kAll;
  options.context = 0;
  CHECK_THROWS_WITH_AS(measure_perplexity(session, std::vector<std::int32_t>(8, 1), options), doctest::Contains("--context"), Error);
}

TEST_CASE("a step that fails leaves the model usable") {
  const Loaded l = load("qwen3");
  test::FailingDevice device(*l.device);
  model::ModelOptions options;
  options.max_step_tokens = 16;
  const auto decoder = model::load_model(*l.file, device, options);
  Session session(*decoder, small(64));
  const auto before = session.generate(ask({{1, 2, 3}}, 8))[0].output_ids;
  device.fails = true;
  CHECK_THROWS_WITH_AS(session.generate(ask({{1, 2, 3}}, 8)), doctest::Contains("as planted"), Error);
  device.fails = false;
  CHECK(session.generate(ask({{1, 2, 3}}, 8))[0].output_ids == before);
}

TEST_CASE("a callback that says stop and a cancel flag both end a generation as interrupted") {
  const Loaded l = load("qwen3");
  Session session(*l.decoder, small(64));
  GenerateRequest request = ask({{1, 2, 3}}, 30);
  int calls = 0;
  request.on_token = [&](std::int32_t) { return ++calls < 3; };
  const Generation cut = session.generate(request)[0];
  CHECK(cut.stop_reason == StopReason::kInterrupted);
  CHECK(cut.output_ids.size() == 3);
  std::atomic<bool> cancel{true};
  request = ask({{1, 2, 3}}, 30);
  request.cancel = &cancel;
  CHECK(session.generate(request)[0].output_ids.empty());
}

TEST_CASE("a cancel flag is looked at between the chunks of a long prompt") {
  const Loaded l = load("qwen3");
  test::InterruptingDevice device(*l.device);
  model::ModelOptions options;
  options.max_step_tokens = 16;
  const auto decoder = model::load_model(*l.file, device, options);
  Session session(*decoder, small(256));
  GenerateRequest request = ask({std::vector<std::int32_t>(200, 5)}, 10);
  request.cancel = &device.interrupted;
  const Generation cut = session.generate(request)[0];
  CHECK(cut.stop_reason == StopReason::kInterrupted);
  CHECK(cut.output_ids.empty());
  CHECK(device.steps == 2);  // of 13 chunks
}

TEST_CASE("perplexity over all tokens equals transformers' on every committed model") {
  const auto folders = test::golden_folders(test::fixtures_dir() / "engine");
  REQUIRE(folders.size() >= 10);
  for (const auto& folder : folders) {
    CAPTURE(folder.string());
    const test::Golden golden = test::read_golden(folder);
    const Loaded l = load(folder.filename().string(), 2, model::WeightPrecision::kF32);
    Session session(*l.decoder, small(64));
    PerplexityOptions options;
    options.method = PerplexityMethod::kAll;
    const PerplexityResult result = measure_perplexity(session, golden.token_ids, options);
    CHECK(result.tokens_scored == static_cast<std::int64_t>(golden.token_ids.size()) - 1);
    CHECK(result.perplexity == doctest::Approx(golden.perplexity).epsilon(1e-3));
  }
}

TEST_CASE("a logit that is no finite number makes the perplexity an error, not a number") {
  const Loaded l = load("qwen3");
  test::SpoilingDevice device(*l.device);
  const auto decoder = model::load_model(*l.file, device, {});
  Session session(*decoder, small(64));
  for (const auto method : {PerplexityMethod::kAll, PerplexityMethod::kLlamaCpp}) {
    PerplexityOptions options;
    options.method = method;
    options.context = 16;
    for (const float spoil : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
      device.spoil = spoil;
      CHECK_THROWS_WITH_AS(measure_perplexity(session, std::vector<std::int32_t>(40, 3), options), doctest::Contains("logit of token id 7"), Error);
    }
    device.spoil = 3e38F;  // finite, but e to the mean loss is not
    CHECK_THROWS_WITH_AS(measure_perplexity(session, std::vector<std::int32_t>(40, 3), options), doctest::Contains("beyond what a perplexity can be"), Error);
    device.spoil = 0.0F;
    CHECK(std::isfinite(measure_perplexity(session, std::vector<std::int32_t>(40, 3), options).perplexity));
  }
}

TEST_CASE("the llama.cpp method scores the second half of each chunk and needs two chunks") {
  const Loaded l = load("qwen3");
  Session session(*l.decoder, small(64));
  PerplexityOptions options;
  options.context = 16;
  std::vector<std::int32_t> ids(40);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i * 7 % 120);
  std::int64_t rows = 0;
  options.on_logits = [&](std::int64_t row, std::span<const float>) { CHECK(row == rows++); };
  const PerplexityResult result = measure_perplexity(session, ids, options);
  CHECK(result.chunks == 2);
  CHECK(result.tokens_scored == 14);  // positions 8 to 14 of each chunk predict 9 to 15
  CHECK_THROWS_WITH_AS(measure_perplexity(session, std::span(ids).first(31), options), doctest::Contains("too few"), Error);
}

}  // namespace qbench::engine
