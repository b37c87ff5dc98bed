#include "engine/continuation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "backend/cpu/cpu_backend.h"
#include "base/error.h"
#include "base/json.h"
#include "formats/model_file.h"
#include "model/model.h"
#include "test_support.h"

namespace qbench::test {
namespace {

// nats a token: the golden logits agree within 1e-3 of a deviation of about 2, and a log softmax differs by at most twice a logit's error
constexpr double kTolerance = 4e-3;

struct Tiny {
  std::unique_ptr<backend::Backend> device;
  std::unique_ptr<model::Model> model;
};

Tiny load(const std::string& name) {
  Tiny tiny;
  backend::CpuOptions options;
  options.threads = 2;
  tiny.device = backend::make_cpu_backend(options);
  const auto file = formats::open_model_file(fixtures_dir() / "engine" / name);
  model::ModelOptions model_options;
  model_options.precision = model::WeightPrecision::kF32;
  model_options.max_step_tokens = 10;  // prompt and answer take several steps
  tiny.model = model::load_model(*file, *tiny.device, model_options);
  return tiny;
}

engine::SessionOptions f32(std::int64_t context = 64) {
  engine::SessionOptions options;
  options.context = context;
  options.kv_dtype = tensor::DType::kF32;
  return options;
}

std::vector<std::int32_t> without(std::vector<std::int32_t> ids, const nlohmann::json& span) {
  if (!span.is_null()) ids.erase(ids.begin() + span[0].get<std::ptrdiff_t>(), ids.begin() + span[1].get<std::ptrdiff_t>());
  return ids;
}

}  // namespace

TEST_CASE("log p(answer | prompt) equals transformers' on every committed model, with spans of the prompt left out and the rest reused") {
  const nlohmann::json expected = read_json_file(fixtures_dir() / "engine_continuation" / "expected.json");
  REQUIRE(expected.at("models").size() >= 10);
  for (const auto& [name, reference] : expected.at("models").items()) {
    CAPTURE(name);
    const Tiny tiny = load(name);
    engine::Session session(*tiny.model, f32());
    const auto prompt = reference.at("prompt_ids").get<std::vector<std::int32_t>>();
    const auto answer = reference.at("answer_ids").get<std::vector<std::int32_t>>();
    REQUIRE(reference.at("cases").size() == 4);
    engine::ContinuationScorer scorer(session);
    for (const nlohmann::json& one : reference.at("cases")) {
      const engine::ContinuationScore score = scorer.score(without(prompt, one.at("left_out")), answer);
      const auto log_p = one.at("token_log_p").get<std::vector<double>>();
      REQUIRE(score.token_log_p.size() == log_p.size());
      double sum = 0.0;
      for (std::size_t i = 0; i < log_p.size(); ++i) {
        CHECK(std::fabs(score.token_log_p[i] - log_p[i]) < kTolerance);
        sum += log_p[i];
      }
      CHECK(std::fabs(score.sum_log_p - sum) < kTolerance * static_cast<double>(log_p.size()));
      CHECK(score.mean_log_p() == doctest::Approx(score.sum_log_p / static_cast<double>(answer.size())));
    }
    CHECK(scorer.cost().passes == 4);
    CHECK(scorer.cost().tokens_reused >= 9);  // the first nine ids of the third and fourth prompt
    CHECK(scorer.cost().tokens_fed + scorer.cost().tokens_reused == 39 + 34 + 32 + 31);
  }
}

TEST_CASE("a prefix is not computed again, and a cache with a window computes everything") {
  const Tiny tiny = load("qwen3");
  const std::vector<std::int32_t> prompt{5, 6, 7, 8, 9, 10, 11, 12}, answer{20, 21, 22};
  engine::Session session(*tiny.model, f32());
  engine::ContinuationScorer scorer(session);
  const engine::ContinuationScore first = scorer.score(prompt, answer);
  CHECK(scorer.cost().tokens_fed == 10);
  CHECK(scorer.cost().tokens_reused == 0);
  const engine::ContinuationScore again = scorer.score(prompt, answer);
  CHECK(scorer.cost().tokens_reused == 7);  // the prompt's last token predicts the answer's first: it runs
  CHECK(again.sum_log_p == doctest::Approx(first.sum_log_p).epsilon(1e-6));

  engine::SessionOptions windowed = f32();
  windowed.kv_window = 6;
  engine::Session small(*tiny.model, windowed);
  engine::ContinuationScorer whole(small);
  const double once = whole.score(prompt, answer).sum_log_p;
  CHECK(whole.score(prompt, answer).sum_log_p == once);
  CHECK(whole.cost().tokens_reused == 0);
}

TEST_CASE("the same continuations in the same order give the same bits") {
  const Tiny tiny = load("qwen2-tied");
  std::vector<std::vector<double>> runs;
  for (int run = 0; run < 2; ++run) {
    engine::Session session(*tiny.model, f32());
    engine::ContinuationScorer scorer(session);
    runs.emplace_back();
    for (const std::vector<std::int32_t>& prompt : {std::vector<std::int32_t>{1, 2, 3, 4}, {1, 2, 4}, {1, 3, 4}}) {
      runs.back().push_back(scorer.score(prompt, std::vector<std::int32_t>{9, 8, 7}).sum_log_p);
    }
  }
  CHECK(runs[0] == runs[1]);
}

TEST_CASE("what cannot be scored is refused in words") {
  const Tiny tiny = load("qwen3");
  engine::Session session(*tiny.model, f32(8));
  const std::vector<std::int32_t> three{1, 2, 3}, six{1, 2, 3, 4, 5, 6}, none;
  CHECK_THROWS_WITH_AS(engine::score_continuation(session, none, three), doctest::Contains("the prompt has no tokens"), Error);
  CHECK_THROWS_WITH_AS(engine::score_continuation(session, three, none), doctest::Contains("the answer has no tokens"), Error);
  CHECK_THROWS_WITH_AS(engine::score_continuation(session, three, std::vector<std::int32_t>{100000}), doctest::Contains("100000"), Error);
  CHECK_NOTHROW(engine::score_continuation(session, six, three));  // the last token of the answer takes no position
  CHECK_THROWS_WITH_AS(engine::score_continuation(session, six, six), doctest::Contains("do not fit the context of 8"), Error);
}

}  // namespace qbench::test
