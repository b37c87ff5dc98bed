#include "stats/summary.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/json.h"
#include "test_support.h"

using namespace qbench;

namespace {

/// Interpolation and the mean each round a few times: 8 units in the last place of the largest value.
bool close(double actual, double expected, double scale) { return std::abs(actual - expected) <= 8 * 2.3e-16 * scale; }

double largest(const std::vector<double>& values) {
  double size = 0;
  for (const double v : values) size = std::max(size, std::abs(v));
  return size;
}

}  // namespace

TEST_CASE("quantiles, means, deviations and absolute deviations are those of numpy, scipy and exact arithmetic") {
  const auto fixture = read_json_file(test::fixtures_dir() / "stats" / "summary.json");
  REQUIRE(fixture["cases"].size() >= 10);
  for (const auto& expected : fixture["cases"]) {
    const std::string name = expected["name"];
    CAPTURE(name);
    auto values = expected["values"].get<std::vector<double>>();
    std::shuffle(values.begin(), values.end(), std::mt19937(7));
    const double scale = largest(values);
    for (const auto& pair : expected["quantiles"]) {
      CAPTURE(pair[0].get<double>());
      CHECK(close(stats::quantile(values, pair[0]).value(), pair[1], scale));
    }
    CHECK(close(stats::mean(values).value(), expected["mean"], scale));
    CHECK(close(stats::median_absolute_deviation(values).value(), expected["mad"], scale));
    if (expected["stddev"].is_null()) {
      CHECK_FALSE(stats::stddev(values).has_value());
    } else {
      // Relative to the deviation itself, not to the values: this is what a one-pass formula gets wrong.
      CHECK(stats::stddev(values).value() == doctest::Approx(expected["stddev"].get<double>()).epsilon(1e-12));
    }
  }
}

TEST_CASE("the deviation keeps its digits when the values stand on an offset of 1e18") {
  const std::vector<double> small{0, 1024, 2048, 3072, 4096};
  std::vector<double> large;
  for (const double v : small) large.push_back(1e18 + v);
  CHECK(stats::stddev(large).value() == stats::stddev(small).value());
  CHECK(stats::stddev(small).value() == doctest::Approx(1024 * std::sqrt(2.5)).epsilon(1e-15));
  CHECK(stats::mean(large).value() == 1e18 + 2048);
}

TEST_CASE("what is undefined is nothing") {
  CHECK_FALSE(stats::quantile({}, 0.5).has_value());
  CHECK_FALSE(stats::mean({}).has_value());
  CHECK_FALSE(stats::stddev({}).has_value());
  CHECK_FALSE(stats::median_absolute_deviation({}).has_value());
  const std::vector<double> one{4.0};
  CHECK_FALSE(stats::stddev(one).has_value());
  const stats::Summary summary = stats::summarize(one);
  CHECK(summary.n == 1);
  CHECK(summary.median == 4.0);
  CHECK(summary.mean == 4.0);
  CHECK_FALSE(summary.stddev.has_value());
  CHECK_FALSE(stats::summarize({}).median.has_value());
}

TEST_CASE("equal values have a deviation of exactly zero") {
  const std::vector<double> values(1000, 0.1);
  CHECK(stats::stddev(values).value() == 0.0);
  CHECK(stats::mean(values).value() == 0.1);
}

TEST_CASE("a percentile needs 64, 130 and 662 samples, and scipy's binomial agrees") {
  CHECK(stats::minimum_samples(0.50) == 1);
  CHECK(stats::minimum_samples(0.90) == 64);
  CHECK(stats::minimum_samples(0.95) == 130);
  CHECK(stats::minimum_samples(0.99) == 662);
  const auto fixture = read_json_file(test::fixtures_dir() / "stats" / "summary.json");
  for (const auto& pair : fixture["minimum_samples"]) CHECK(stats::minimum_samples(pair[0]) == pair[1].get<std::int64_t>());
}

TEST_CASE("a percentile below its minimum of samples is nothing, at the minimum it is there") {
  for (const double q : {0.90, 0.95, 0.99}) {
    const auto n = static_cast<std::size_t>(stats::minimum_samples(q));
    std::vector<double> values(n - 1, 1.0);
    CHECK_FALSE(stats::guarded_quantile(values, q).has_value());
    values.push_back(1.0);
    CHECK(stats::guarded_quantile(values, q) == 1.0);
  }
  CHECK(stats::guarded_quantile(std::vector<double>{2.0}, 0.5) == 2.0);
}
