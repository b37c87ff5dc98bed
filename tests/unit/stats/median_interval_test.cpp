#include "stats/median_interval.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "test_support.h"

using namespace qbench;

TEST_CASE("the sign test's interval of a median is scipy's") {
  const auto cases = read_json_file(test::fixtures_dir() / "stats" / "median_interval.json");
  REQUIRE(cases.size() >= 30);
  for (const auto& one : cases) {
    CAPTURE(one.dump());
    const auto interval = stats::sign_test_median_interval(one["values"].get<std::vector<double>>(), one["confidence"]);
    REQUIRE(interval.has_value() == !one["interval"].is_null());
    if (!interval) continue;
    CHECK(interval->low == one["interval"][0].get<double>());
    CHECK(interval->high == one["interval"][1].get<double>());
  }
}

TEST_CASE("five values are too few for a 95 % interval of their median, none gives none") {
  CHECK(!stats::sign_test_median_interval(std::vector<double>{}));
  CHECK(!stats::sign_test_median_interval(std::vector<double>{1, 2, 3, 4, 5}));
  const auto interval = stats::sign_test_median_interval(std::vector<double>{6, 1, 5, 2, 4, 3});
  REQUIRE(interval);
  CHECK(interval->low == 1);
  CHECK(interval->high == 6);
}

TEST_CASE("the interval holds the median in at least 95 of 100 samples, with outliers and skew too") {
  constexpr int kSamples = 20'000;
  Random random(11);
  for (const std::size_t n : {10, 16, 20, 30}) {
    for (const bool skewed : {false, true}) {
      int held = 0;
      for (int s = 0; s < kSamples; ++s) {
        std::vector<double> sample(n);
        // Normal with one value in ten from a neighbour that took ten times as long, or exponential less its median ln 2.
        for (double& value : sample) {
          value = skewed ? -std::log(1.0 - random.next_uniform()) - std::log(2.0) : random.next_normal() * (random.next_below(10) == 0 ? 10 : 1);
        }
        const auto interval = stats::sign_test_median_interval(sample);
        held += interval->low <= 0 && 0 <= interval->high ? 1 : 0;
      }
      const double coverage = static_cast<double>(held) / kSamples;
      MESSAGE("n = " << n << std::string(skewed ? ", exponential" : ", normal with outliers") << ": covers " << coverage);
      CHECK(coverage >= 0.95 - 0.004);  // 0.004: 2.6 standard errors of 20,000 samples
    }
  }
}
