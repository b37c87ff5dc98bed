#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <map>

#include "base/error.h"
#include "engine/sampler.h"

namespace qbench::engine {
namespace {

std::int32_t sample_once(const SamplingParams& params, std::vector<float> logits, const std::vector<std::int32_t>& history = {}) {
  Sampler sampler(params, static_cast<std::int64_t>(logits.size()), history);
  return sampler.next(logits);
}

/// Share of each id over n draws from fresh logits.
std::map<std::int32_t, double> shares(SamplingParams params, const std::vector<float>& logits, int n = 20000) {
  std::map<std::int32_t, double> counts;
  for (int i = 0; i < n; ++i) {
    params.seed = static_cast<std::uint64_t>(i);
    counts[sample_once(params, logits)] += 1.0 / n;
  }
  return counts;
}

}  // namespace

TEST_CASE("greedy picks the largest logit and the lower id on a tie") {
  CHECK(sample_once({}, {1.0F, 3.0F, 2.0F}) == 1);
  CHECK(sample_once({}, {3.0F, 1.0F, 3.0F}) == 0);
  CHECK(sample_once({}, {std::numeric_limits<float>::quiet_NaN(), 1.0F, 0.0F}) == 1);
}

TEST_CASE("padding rows are never picked, however large their logits") {
  std::vector<float> logits{1.0F, 2.0F, 50.0F};
  Sampler greedy({}, 2, {});
  CHECK(greedy.next(logits) == 1);
  SamplingParams hot;
  hot.temperature = 10.0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    hot.seed = seed;
    logits = {1.0F, 2.0F, 50.0F};
    CHECK(Sampler(hot, 2, {}).next(logits) < 2);
  }
}

TEST_CASE("no finite logit is an error that says so") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(sample_once({}, {nan, nan}), doctest::Contains("no logit is a finite number"), Error);
}

TEST_CASE("an infinite logit is passed over by greedy and by drawing") {
  const float inf = std::numeric_limits<float>::infinity();
  CHECK(sample_once({}, {inf, 1.0F, 0.0F, -inf}) == 1);
  SamplingParams params;
  params.temperature = 1.0;
  const auto drawn = shares(params, {inf, 1.0F, 1.0F, -inf}, 2000);
  CHECK(drawn.size() == 2);
  REQUIRE(drawn.contains(1));
  CHECK(drawn.at(1) == doctest::Approx(0.5).epsilon(0.12));  // five standard errors
  params.repetition_penalty = 2.0;
  params.frequency_penalty = 1.0;
  CHECK(sample_once(params, {inf, 1.0F, -200.0F}, {0, 1}) == 1);
}

TEST_CASE("an n-gram ban that leaves nothing says so, and not that the model is broken") {
  SamplingParams params;
  params.no_repeat_ngram = 1;
  CHECK(sample_once(params, {1.0F, 2.0F, 0.0F}, {0, 1}) == 2);
  CHECK_THROWS_WITH_AS(sample_once(params, {1.0F, 2.0F}, {0, 1}), doctest::Contains("--no-repeat-ngram 1 has banned every token"), Error);
  params.temperature = 1.0;
  CHECK_THROWS_WITH_AS(sample_once(params, {1.0F, 2.0F}, {0, 1}), doctest::Contains("--no-repeat-ngram 1 has banned every token"), Error);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(sample_once(params, {nan, nan}, {0, 1}), doctest::Contains("no logit is a finite number"), Error);
}

TEST_CASE("temperature one draws each id with its softmax probability") {
  SamplingParams params;
  params.temperature = 1.0;
  const std::vector<float> logits{0.0F, 1.0F, 2.0F, -1.0F};
  double total = 0.0;
  for (const float l : logits) total += std::exp(static_cast<double>(l));
  const auto drawn = shares(params, logits);
  REQUIRE(drawn.size() == logits.size());
  for (const auto& [id, share] : drawn) {
    const double p = std::exp(static_cast<double>(logits[static_cast<std::size_t>(id)])) / total;
    CHECK(share == doctest::Approx(p).epsilon(5.0 * std::sqrt((1.0 - p) / (p * 20000.0))));  // five standard errors
  }
}

TEST_CASE("top-k, top-p and min-p each keep exactly the ids they define") {
  const std::vector<float> logits{std::log(0.5F), std::log(0.25F), std::log(0.15F), std::log(0.1F)};
  SamplingParams params;
  params.temperature = 1.0;
  params.top_k = 2;
  CHECK(shares(params, logits, 3000).size() == 2);
  params.top_k = 0;
  params.top_p = 0.6;  // 0.5 is short of 0.6, so the id that crosses it stays
  CHECK(shares(params, logits, 3000).size() == 2);
  params.top_p = 0.49;
  CHECK(shares(params, logits, 3000).size() == 1);
  params.top_p = 1.0;
  params.min_p = 0.25;  // at least a quarter of the largest: 0.125
  CHECK(shares(params, logits, 3000).size() == 3);
  params.min_p = 0.0;
  params.top_k = 3;
  params.top_p = 0.56;  // of what top-k left: 0.5 / 0.9 = 0.556
  CHECK(shares(params, logits, 3000).size() == 2);
}

TEST_CASE("top-p over a vocabulary larger than the sorted head keeps enough ids") {
  std::vector<float> logits(5000, 0.0F);
  SamplingParams params;
  params.temperature = 1.0;
  params.top_p = 0.5;
  std::int32_t largest_id = 0;
  for (const auto& [id, share] : shares(params, logits, 4000)) largest_id = std::max(largest_id, id);
  CHECK(largest_id < 2501);  // equal probabilities: ties go to the lower ids
  CHECK(largest_id > 2300);
}

TEST_CASE("penalties follow their formulas") {
  SamplingParams params;
  params.repetition_penalty = 2.0;
  CHECK(sample_once(params, {4.0F, 3.0F}, {0}) == 1);    // 4 / 2 < 3
  CHECK(sample_once(params, {-1.0F, -1.5F}, {0}) == 1);  // -1 * 2 < -1.5
  params = {};
  params.presence_penalty = 1.5;
  std::vector<float> logits{4.0F, 3.0F};
  Sampler presence(params, 2, std::vector<std::int32_t>{0, 0});
  CHECK(presence.next(logits) == 0);  // the prompt does not count
  logits = {4.0F, 3.0F};
  CHECK(presence.next(logits) == 1);
  params = {};
  params.frequency_penalty = 0.6;
  Sampler frequency(params, 2, {});
  std::vector<std::int32_t> picked;
  for (int i = 0; i < 4; ++i) {
    logits = {4.0F, 3.0F};
    picked.push_back(frequency.next(logits));
  }
  CHECK(picked == std::vector<std::int32_t>{0, 0, 1, 0});  // 4, 3.4, then 2.8 < 3, then 2.8 > 2.4
}

TEST_CASE("no-repeat n-gram bans the id that would complete a seen n-gram") {
  SamplingParams params;
  params.no_repeat_ngram = 3;
  CHECK(sample_once(params, {0.0F, 0.0F, 9.0F, 1.0F}, {0, 1, 2, 0, 1}) == 3);
  CHECK(sample_once(params, {0.0F, 0.0F, 9.0F, 1.0F}, {0, 1}) == 2);
}

TEST_CASE("one seed gives one sequence and another seed another") {
  SamplingParams params;
  params.temperature = 1.0;
  params.seed = 7;
  const auto run = [&](std::uint64_t seed) {
    params.seed = seed;
    Sampler sampler(params, 100, {});
    std::vector<std::int32_t> ids;
    for (int i = 0; i < 50; ++i) {
      std::vector<float> logits(100, 0.0F);
      ids.push_back(sampler.next(logits));
    }
    return ids;
  };
  CHECK(run(7) == run(7));
  CHECK(run(7) != run(8));
}

TEST_CASE("absurd sampling options are refused by name") {
  SamplingParams params;
  params.top_p = 0.0;
  CHECK_THROWS_WITH_AS(validate(params), doctest::Contains("--top-p"), Error);
  params = {};
  params.temperature = -1.0;
  CHECK_THROWS_WITH_AS(validate(params), doctest::Contains("--temperature"), Error);
  params = {};
  params.repetition_penalty = 0.0;
  CHECK_THROWS_WITH_AS(validate(params), doctest::Contains("--repetition-penalty"), Error);
  params = {};
  params.min_p = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(validate(params), doctest::Contains("--min-p"), Error);
}

}  // namespace qbench::engine
