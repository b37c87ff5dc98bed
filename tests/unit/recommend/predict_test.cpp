#include "recommend/predict.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "recommend/ttft_line.h"
#include "recommend_examples.h"

using namespace qbench;
using namespace qbench::recommend;
using record::Pass;

namespace {

TaskNeeds needs(double prompt_tokens, std::optional<double> output_tokens = std::nullopt) {
  TaskNeeds out;
  out.digest = "digest-unseen";
  out.prompt_tokens = prompt_tokens;
  out.output_tokens = output_tokens;
  out.complexity.score = 3;
  return out;
}

}  // namespace

TEST_CASE("TTFT is a line over the prompt's length that one wild value does not bend") {
  std::vector<SpeedPoint> points;
  for (const double tokens : {10.0, 100.0, 200.0, 400.0, 800.0}) points.push_back({tokens, 20 + 0.5 * tokens, 10});
  points.push_back({600, 5000, 10});
  const TtftLine line = fit_ttft(points);
  CHECK(line.ms_per_token == doctest::Approx(0.5).epsilon(0.05));
  CHECK(line.at(1000) == doctest::Approx(520).epsilon(0.05));
}

TEST_CASE("where prefill grows faster than the prompt, the line still lies among the points") {
  std::vector<SpeedPoint> points;
  for (int i = 0; i < 31; ++i) {
    const double tokens = 300 + 10 * i;
    points.push_back({tokens, 0.3 * tokens + 0.002 * tokens * tokens, 10});
  }
  const TtftLine line = fit_ttft(points);
  CHECK(line.base_ms == 0);
  const auto above = std::count_if(points.begin(), points.end(), [&](const SpeedPoint& one) { return line.relative_residual(one) > 1e-9; });
  const auto below =
      std::count_if(points.begin(), points.end(), [&](const SpeedPoint& one) { return line.relative_residual(one) < -1e-9; });
  CHECK(above == 15);
  CHECK(below == 15);
}

TEST_CASE("with one length TTFT grows from nothing, and more than 32 lengths are grouped") {
  CHECK(fit_ttft({{100, 50, 10}, {100, 52, 10}, {100, 54, 10}}).at(200) == doctest::Approx(104));
  std::vector<SpeedPoint> points;
  for (int i = 1; i <= 500; ++i) points.push_back({static_cast<double>(i), 5 + 0.25 * i, 10});
  CHECK(fit_ttft(points).ms_per_token == doctest::Approx(0.25));
  CHECK(fit_ttft(points).base_ms == doctest::Approx(5));
}

TEST_CASE("the time of an answer is TTFT and a gap for each further token") {
  record::ResultSet set = test::set_of({test::row("a", "p1", Pass::kSpeed, 100, 50, 20), test::row("a", "p2", Pass::kSpeed, 200, 100, 20)});
  const Evidence evidence = gather_evidence({set}, {});
  REQUIRE(evidence.candidates.size() == 1);
  const Predictions predictions = predict(evidence, needs(400, 101));
  CHECK(predictions.of[0].ttft_ms->value == doctest::Approx(200));
  CHECK(predictions.of[0].e2e_ms->value == doctest::Approx(200 + 100 * 20));
  CHECK(predictions.of[0].decode_tok_per_s->value == doctest::Approx(50));
  CHECK_FALSE(predictions.of[0].success_ratio);
  CHECK(*predictions.of[0].memory_bytes == doctest::Approx(2e9));
  CHECK(predictions.of[0].ttft_ms->n == 2);
}

TEST_CASE("a prompt that was measured has its measured length") {
  const Evidence evidence = gather_evidence({test::set_of({test::row("a", "p1", Pass::kSpeed, 123, 50, 20)})}, {});
  TaskNeeds task = needs(400);
  task.digest = "digest-p1";
  CHECK(predict(evidence, task).of[0].prompt_tokens == 123);
  CHECK(predict(evidence, task).of[0].prompt_tokens_measured);
  CHECK_FALSE(predict(evidence, needs(400)).of[0].prompt_tokens_measured);
}

TEST_CASE("success is the share of judged tasks with Wilson's interval, harness errors left out") {
  record::ResultSet set;
  test::add_model(set, "a", 20, 10, 8);
  set.rows.push_back(test::judged_row("a", "broken", 200, 100, 20, false));
  set.rows.back().tasks[0].status = record::TaskStatus::kHarnessError;
  const Predictions predictions = predict(gather_evidence({set}, {}), needs(100));
  REQUIRE(predictions.of[0].success_ratio);
  CHECK(predictions.of[0].success_ratio->value == doctest::Approx(0.8));
  CHECK(predictions.of[0].success_ratio->n == 10);
  // Wilson 1927, 8 of 10: statsmodels.stats.proportion.proportion_confint(8, 10, method="wilson")
  CHECK(*predictions.of[0].success_ratio->low == doctest::Approx(0.49016).epsilon(1e-4));
  CHECK(*predictions.of[0].success_ratio->high == doctest::Approx(0.94331).epsilon(1e-4));
}

TEST_CASE("where ten tasks are of like complexity they alone count") {
  record::ResultSet set;
  PromptTexts texts;
  for (int i = 0; i < 30; ++i) {
    const std::string id = "t" + std::to_string(i);
    set.rows.push_back(test::judged_row("a", id, 200, 100, 20, i < 15));
    std::string hard;
    for (int j = 0; j < 60; ++j) hard += "- must support react kafka redis concurrency security class " + std::to_string(j) + "\n";
    texts["digest-" + id] = i < 15 ? "add two numbers" : hard;
  }
  const Evidence evidence = gather_evidence({set}, texts);
  TaskNeeds easy = needs(100), hard = needs(100);
  easy.complexity.score = 1.2;
  hard.complexity.score = 8;
  CHECK(predict(evidence, easy).of[0].success_ratio->value == doctest::Approx(1));
  CHECK(predict(evidence, hard).of[0].success_ratio->value == doctest::Approx(0));
  CHECK(predict(evidence, hard).of[0].success_of_like_tasks);
  const ComplexityCheck check = check_complexity(evidence);
  CHECK(check.tasks == 30);
  CHECK(*check.correlation == doctest::Approx(1));
}

TEST_CASE("intervals of single requests hold about 95 of 100 that scatter as the measured ones, of three values or of forty") {
  constexpr int kTrials = 300;
  for (const int values : {3, 6, 15, 40}) {
    CAPTURE(values);
    Random random(7);
    int inside = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      record::ResultSet set;
      const auto one = [&] { return 100 * (1 + 0.05 * random.next_normal()); };
      for (int i = 0; i < values; ++i) set.rows.push_back(test::row("a", "p" + std::to_string(i), Pass::kSpeed, 100, one(), 20));
      const Prediction prediction = predict(gather_evidence({set}, {}), needs(100, 50), 300).of[0];
      const double next = one();
      inside += prediction.ttft_ms->holds(next) ? 1 : 0;
    }
    // 95 % of 300 is 285, a deviation of the binomial is 3.8; 268 is 4.5 of them below.
    CHECK(inside >= 268);
  }
}

TEST_CASE("intervals of a TTFT that follows from prompts of several lengths hold 95 of 100 too") {
  constexpr int kTrials = 300;
  for (const int values : {4, 8, 20}) {
    CAPTURE(values);
    Random random(11);
    int inside = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      record::ResultSet set;
      const auto one = [&](double tokens) { return (20 + 0.5 * tokens) * std::exp(0.08 * random.next_normal()); };
      for (int i = 0; i < values; ++i) {
        const double tokens = 50 + 750 * random.next_uniform();
        set.rows.push_back(test::row("a", "p" + std::to_string(i), Pass::kSpeed, tokens, one(tokens), 20));
      }
      inside += predict(gather_evidence({set}, {}), needs(400, 50), 300).of[0].ttft_ms->holds(one(400)) ? 1 : 0;
    }
    // As above; a median of slopes is no least-squares line, so a few of 300 less.
    CHECK(inside >= 262);
  }
  const Prediction three =
      predict(gather_evidence({test::set_of({test::row("a", "p", Pass::kSpeed, 100, 50, 20), test::row("a", "q", Pass::kSpeed, 200, 90, 20),
                                             test::row("a", "r", Pass::kSpeed, 300, 140, 20)})},
                              {}),
              needs(100))
          .of[0];
  CHECK_FALSE(three.ttft_ms->low);
}

TEST_CASE("one or two values tell no interval, and given tokens of the answer none of their own") {
  record::ResultSet set = test::set_of({test::judged_row("a", "p", 200, 100, 10, true), test::judged_row("a", "q", 210, 104, 10, true)});
  const Prediction two = predict(gather_evidence({set}, {}), needs(100)).of[0];
  CHECK_FALSE(two.e2e_ms->low);
  CHECK_FALSE(two.output_tokens->low);
  CHECK(two.success_ratio->low);  // Wilson's needs one
  set.rows.push_back(test::judged_row("a", "r", 190, 102, 10, true));
  const Prediction three = predict(gather_evidence({set}, {}), needs(100)).of[0];
  CHECK(*three.e2e_ms->low < 1900);
  CHECK(*three.e2e_ms->high > 2200);
  const Prediction given = predict(gather_evidence({set}, {}), needs(100, 50)).of[0];
  CHECK_FALSE(given.output_tokens->low);
  CHECK(given.e2e_ms->low);
}

TEST_CASE("no interval goes beyond the tokens that a model was allowed to write") {
  record::ResultSet set;
  for (const double tokens : {20.0, 100.0, 240.0, 256.0}) {
    set.rows.push_back(test::judged_row("a", "p" + std::to_string(tokens), tokens, 100, 10, true));
    set.rows.back().facts.emplace_back("gen_tokens", "256");
  }
  CHECK(*predict(gather_evidence({set}, {}), needs(100)).of[0].output_tokens->high == doctest::Approx(256));
}

TEST_CASE("a table of whole answers alone predicts their time from tokens and rate") {
  record::ResultSet set;
  for (int i = 0; i < 3; ++i) {
    record::ResultRow row = test::row("a", "p" + std::to_string(i), Pass::kText, 100, 1, 1);
    row.metric(record::MetricId::kTtftMs) = {};
    row.metric(record::MetricId::kItlMeanMs) = {};
    row.metric(record::MetricId::kE2eTokPerS).value = 50;
    row.metric(record::MetricId::kOutputTokens).value = 500;
    set.rows.push_back(row);
  }
  const Prediction prediction = predict(gather_evidence({set}, {}), needs(100)).of[0];
  CHECK(prediction.e2e_ms->value == doctest::Approx(10000));
  CHECK_FALSE(prediction.ttft_ms);
}

TEST_CASE("sessions that differ more than their requests widen what resamples say") {
  const auto deviation_of_draws = [](bool by_session) {
    constexpr int kSessions = 6;
    record::ResultSet set;
    for (int i = 0; i < 20; ++i) {
      record::ResultRow row = test::row("a", "p" + std::to_string(i), Pass::kSpeed, 100, 100, 10);
      row.metric(record::MetricId::kTtftMs).sessions.clear();
      for (int s = 0; s < kSessions; ++s)
        row.metric(record::MetricId::kTtftMs).sessions.emplace_back(90 + 4 * ((by_session ? s : s + i) % kSessions));
      row.metric(record::MetricId::kItlMeanMs).sessions.assign(kSessions, 10);
      set.rows.push_back(row);
    }
    const Predictions predictions = predict(gather_evidence({set}, {}), needs(100, 1));
    double squares = 0;
    for (const auto& draws : predictions.draws) squares += std::pow(*draws[0].ttft_ms - 100, 2);
    return std::sqrt(squares / static_cast<double>(predictions.draws.size()));
  };
  // The same 120 values: of 6 sessions that differ, or of 120 requests that do. A median of 6 scatters 4 times as much as one of 120.
  CHECK(deviation_of_draws(true) > 1.5 * deviation_of_draws(false));
}

TEST_CASE("models judged on different tasks are held against those that they share, where there are ten") {
  record::ResultSet set;
  for (int i = 0; i < 30; ++i) set.rows.push_back(test::judged_row("wide", "t" + std::to_string(i), 200, 100, 20, i >= 12));
  for (int i = 0; i < 12; ++i) set.rows.push_back(test::judged_row("narrow", "t" + std::to_string(i), 200, 100, 20, i < 6));
  const Predictions shared = predict(gather_evidence({set}, {}), needs(100));
  CHECK(shared.of[0].success_ratio->value == doctest::Approx(0));
  CHECK(shared.of[1].success_ratio->value == doctest::Approx(0.5));
  CHECK(shared.of[0].success_of_same_tasks);
  set.rows.resize(33);
  const Predictions apart = predict(gather_evidence({set}, {}), needs(100));
  CHECK(apart.of[0].success_ratio->value == doctest::Approx(0.6));
  CHECK_FALSE(apart.of[0].success_of_same_tasks);
}

TEST_CASE("rows of batches say nothing about one task, failed rows are counted, and predictions are the same each time") {
  record::ResultSet set = test::set_of({test::row("a", "p", Pass::kSpeed, 100, 50, 20), test::row("a", "q", Pass::kSpeed, 100, 50, 20),
                                        test::row("a", "r", Pass::kSpeed, 100, 50, 20)});
  set.rows[1].facts[3].second = "8";
  set.rows[2].status = record::Status::kFailed;
  const Evidence evidence = gather_evidence({set}, {});
  CHECK(evidence.skipped_rows == 1);
  REQUIRE(evidence.candidates.size() == 1);
  CHECK(evidence.candidates[0].speed.size() == 1);
  CHECK(evidence.candidates[0].failed_rows == 1);
  record::ResultSet many;
  test::add_model(many, "a", 20, 12, 5);
  const Evidence more = gather_evidence({many}, {});
  CHECK(predict(more, needs(100)).of[0].e2e_ms->high == predict(more, needs(100)).of[0].e2e_ms->high);
}
