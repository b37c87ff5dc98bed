#include "stats/stopping.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "stats/bootstrap.h"
#include "stats/summary.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::stats;

namespace {

/// Normal with mean 100 by Box and Muller.
double draw(Random& random, double deviation) {
  const double u = (static_cast<double>(random.next_below(1'000'000'000)) + 0.5) / 1e9;
  const double v = static_cast<double>(random.next_below(1'000'000'000)) / 1e9;
  return 100.0 + deviation * std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
}

}  // namespace

TEST_CASE("the bootstrap interval of the median is scipy's with 400,000 resamples") {
  const auto rows = read_json_file(test::fixtures_dir() / "stats" / "bootstrap.json");
  REQUIRE(rows.size() >= 40);
  for (const auto& row : rows) {
    CAPTURE(row["name"].get<std::string>());
    CAPTURE(row["confidence"].get<double>());
    const auto sample = row["sample"].get<std::vector<double>>();
    const auto interval = bootstrap_median_interval(sample, row["confidence"].get<double>());
    REQUIRE(interval.has_value());
    CHECK(interval->low == doctest::Approx(row["interval"][0].get<double>()).epsilon(1e-12));
    CHECK(interval->high == doctest::Approx(row["interval"][1].get<double>()).epsilon(1e-12));
  }
}

TEST_CASE("an interval needs two values, holds the median, and equal values have one of no width") {
  CHECK_FALSE(bootstrap_median_interval(std::vector<double>{}).has_value());
  CHECK_FALSE(bootstrap_median_interval(std::vector<double>{1}).has_value());
  const auto flat = bootstrap_median_interval(std::vector<double>(7, 2.5)).value();
  CHECK(flat.low == 2.5);
  CHECK(flat.high == 2.5);
  CHECK(flat.half_width_ratio(2.5) == 0.0);
  CHECK_FALSE(flat.half_width_ratio(0.0).has_value());
  Random random(3);
  for (const std::size_t n : {2, 9, 40, 512, 513, 1000}) {
    std::vector<double> sample;
    for (std::size_t i = 0; i < n; ++i) sample.push_back(draw(random, 1));
    const auto interval = bootstrap_median_interval(sample).value();
    const double center = median(sample).value();
    CAPTURE(n);
    CHECK(interval.low <= center);
    CHECK(center <= interval.high);
    CHECK(interval.low < interval.high);
  }
}

TEST_CASE("at thirty samples the interval covers the true median as often as it says; under the stopping rule the rate is printed") {
  Random random(11);
  constexpr int kTrials = 3000;
  int covered = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> sample;
    for (int i = 0; i < 30; ++i) sample.push_back(draw(random, 2));
    const auto interval = bootstrap_median_interval(sample).value();
    covered += interval.low <= 100.0 && 100.0 <= interval.high;
  }
  const double rate = static_cast<double>(covered) / kTrials;
  std::printf("coverage of the 95 %% interval of a median: %.3f at n = 30 (%d trials)\n", rate, kTrials);
  // 0.95 with a standard error of 0.004 over the trials; the percentile interval of a median is known to err by up to 0.01 at this size.
  CHECK(rate > 0.93);
  CHECK(rate < 0.97);
  for (const double deviation : {0.5, 2.0, 5.0}) {
    int inside = 0, reps = 0;
    constexpr int kRuns = 500;
    for (int run = 0; run < kRuns; ++run) {
      std::vector<double> sample;
      while (!stop_now({}, sample, static_cast<std::int64_t>(sample.size()), 0)) sample.push_back(draw(random, deviation));
      const auto interval = bootstrap_median_interval(sample).value();
      inside += interval.low <= 100.0 && 100.0 <= interval.high;
      reps += static_cast<int>(sample.size());
    }
    std::printf("under the stopping rule, noise of %.1f %%: %.3f with %.1f repetitions on average (%d runs)\n", deviation,
                static_cast<double>(inside) / kRuns, static_cast<double>(reps) / kRuns, kRuns);
  }
}

TEST_CASE("repetitions stop by the rule that is met first, and say which") {
  const std::vector<double> steady(6, 10.0), five(5, 10.0);
  std::vector<double> wild;
  for (int i = 0; i < 30; ++i) wild.push_back(i % 2 == 0 ? 5.0 : 15.0);
  CHECK_FALSE(stop_now({}, {}, 0, 0).has_value());
  CHECK_FALSE(stop_now({}, five, 5, 1).has_value());
  CHECK(stop_now({}, steady, 6, 1) == StopReason::kCi);
  CHECK_FALSE(stop_now({}, std::span(wild).first(29), 29, 1).has_value());
  CHECK(stop_now({}, wild, 30, 1) == StopReason::kMaxReps);
  CHECK(stop_now({}, std::span(wild).first(7), 7, 120) == StopReason::kMaxTime);
  CHECK(stop_now({}, std::span(wild).first(1), 1, 500) == StopReason::kMaxTime);
  CHECK(stop_now({.min_reps = 20}, steady, 6, 1) == std::nullopt);
  CHECK(stop_now({.target_ci_ratio = 0.6}, std::span(wild).first(6), 6, 1) == StopReason::kCi);
  CHECK(stop_now({.fixed = 3}, std::span(wild).first(3), 3, 1e9) == StopReason::kFixed);
  CHECK_FALSE(stop_now({.fixed = 30}, std::vector<double>(29, 1.0), 29, 1e9).has_value());
}

TEST_CASE("where every repetition is left out, time alone stops nothing, but the most repetitions do") {
  CHECK_FALSE(stop_now({}, {}, 5, 1e9).has_value());
  CHECK(stop_now({}, {}, 30, 1e9) == StopReason::kMaxReps);
}

TEST_CASE("warm is what takes the same time three times, after two requests and three seconds, or ten requests, or thirty seconds") {
  using D = std::vector<double>;
  CHECK_FALSE(is_warm(D{}));
  CHECK_FALSE(is_warm(D{100.0}));
  CHECK(is_warm(D{20.0, 20.0}));                        // thirty seconds are enough
  CHECK_FALSE(is_warm(D{4.0, 4.0}));                    // two cannot show that it is stable
  CHECK(is_warm(D{9.0, 4.0, 4.0, 4.07}));
  CHECK_FALSE(is_warm(D{9.0, 4.0, 4.0, 4.09}));
  CHECK_FALSE(is_warm(D{0.5, 0.5, 0.5, 0.5}));          // not three seconds yet
  CHECK(is_warm(D(10, 0.01)));                          // tiny requests: ten are enough
  CHECK_FALSE(is_warm(D(9, 0.01)));
}
