#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "stats/baseline.h"
#include "stats/change_points.h"
#include "stats/exact_tests.h"
#include "stats/student_t.h"
#include "test_support.h"

using namespace qbench;

namespace {

nlohmann::json fixture() { return read_json_file(test::fixtures_dir() / "stats" / "comparison.json"); }

stats::ChangePointRule otava_rule() { return {.window = 30, .max_p = 0.001, .magnitude = 0.01, .min_after = 1}; }

}  // namespace

TEST_CASE("the sign test and McNemar's exact test are scipy's binomial test") {
  const auto all = fixture();
  REQUIRE(all["sign_test"].size() >= 10);
  for (const auto& row : all["sign_test"]) {
    CAPTURE(row.dump());
    const std::int64_t plus = row[0], minus = row[1];
    CHECK(stats::sign_test_p(plus, minus) == doctest::Approx(row[2].get<double>()).epsilon(1e-10));
    CHECK(stats::sign_test_p(minus, plus) == stats::sign_test_p(plus, minus));
  }
  CHECK(stats::mcnemar_exact_p(6, 0) < 0.05);
  CHECK(stats::mcnemar_exact_p(5, 0) > 0.05);
  CHECK(stats::mcnemar_exact_p(8, 1) < 0.05);
  CHECK(stats::mcnemar_exact_p(12, 3) < 0.05);
}

TEST_CASE("the incomplete beta function and the t test are scipy's") {
  const auto all = fixture();
  for (const auto& row : all["incomplete_beta"]) {
    CAPTURE(row.dump());
    CHECK(stats::incomplete_beta(row[0], row[1], row[2]) == doctest::Approx(row[3].get<double>()).epsilon(1e-11).scale(1e-300));
  }
  for (const auto& row : all["t_test"]) {
    CAPTURE(row.dump());
    const auto left = row["left"].get<std::vector<double>>(), right = row["right"].get<std::vector<double>>();
    CHECK(stats::student_t_test_p(left, right) == doctest::Approx(row["p"].get<double>()).epsilon(1e-11));
  }
  const std::vector<double> seven(5, 7.0), eight(4, 8.0);
  CHECK(stats::student_t_test_p(seven, eight) == 0);
  CHECK(stats::student_t_test_p(seven, seven) == 1);
  CHECK(stats::student_t_test_p(std::vector<double>{1}, std::vector<double>{2}) == 1);
}

TEST_CASE("quantiles of Student's t are scipy's") {
  // scipy.stats.t.ppf (1.17.1)
  CHECK(stats::student_t_quantile(0.95, 15) == doctest::Approx(1.753050355692572).epsilon(1e-11));
  CHECK(stats::student_t_quantile(0.95, 1) == doctest::Approx(6.313751514675037).epsilon(1e-11));
  CHECK(stats::student_t_quantile(0.95, 2) == doctest::Approx(2.9199855803537242).epsilon(1e-11));
  CHECK(stats::student_t_quantile(0.975, 7) == doctest::Approx(2.364624251592784).epsilon(1e-11));
  CHECK(stats::student_t_quantile(0.995, 1000) == doctest::Approx(2.580754698065951).epsilon(1e-11));
  CHECK(stats::student_t_quantile(0.9, 14.5) == doctest::Approx(1.3427381563067553).epsilon(1e-11));
  CHECK(stats::student_t_quantile(0.5, 3) == doctest::Approx(0.0));
}

TEST_CASE("the best split of a stretch is the one that Apache Otava finds, with its statistic") {
  const auto all = fixture();
  for (const auto& row : all["change_points"]) {
    const std::string name = row["name"];
    CAPTURE(name);
    auto values = row["values"].get<std::vector<double>>();
    values.resize(std::min<std::size_t>(values.size(), 30));
    const stats::Split split = stats::best_split(values);
    CHECK(split.statistic == doctest::Approx(row["split"][1].get<double>()).epsilon(1e-9));
    if (name != "constant") CHECK(split.index == row["split"][0].get<std::size_t>());
  }
}

TEST_CASE("change points are those of Apache Otava's splits under scipy's t test, means and p values with them") {
  int found = 0;
  const auto all = fixture();
  for (const auto& row : all["change_points"]) {
    const std::string name = row["name"];
    CAPTURE(name);
    const auto points = stats::find_change_points(row["values"].get<std::vector<double>>(), otava_rule());
    REQUIRE(points.size() == row["points"].size());
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto& expected = row["points"][i];
      CHECK(points[i].index == expected[0].get<std::size_t>());
      CHECK(points[i].before == doctest::Approx(expected[1].get<double>()).epsilon(1e-12));
      CHECK(points[i].after == doctest::Approx(expected[2].get<double>()).epsilon(1e-12));
      CHECK(points[i].p == doctest::Approx(expected[3].get<double>()).epsilon(1e-6).scale(1e-300));
      ++found;
    }
  }
  CHECK(found >= 8);
}

TEST_CASE("Apache Otava as it is finds the same change points where steps are clear") {
  const auto all = fixture();
  for (const auto& row : all["change_points"]) {
    const std::string name = row["name"];
    if (name == "drift") continue;  // splits of a ramp hang on the test's last digits
    CAPTURE(name);
    std::vector<std::size_t> found;
    for (const auto& point : stats::find_change_points(row["values"].get<std::vector<double>>(), otava_rule()))
      found.push_back(point.index);
    CHECK(found == row["found"].get<std::vector<std::size_t>>());
  }
}

TEST_CASE("a change point shows once three values follow it, and not before") {
  std::vector<double> series;
  Random random(5);
  for (int i = 0; i < 20; ++i) series.push_back(100 * (1 + 0.003 * random.next_normal()));
  for (int i = 0; i < 3; ++i) {
    CHECK(stats::find_change_points(series).empty());
    series.push_back(90 * (1 + 0.003 * random.next_normal()));
  }
  const auto points = stats::find_change_points(series);
  REQUIRE(points.size() == 1);
  CHECK(points[0].index == 20);
}

TEST_CASE("change points of nothing and of little are none") {
  CHECK(stats::find_change_points({}).empty());
  CHECK(stats::find_change_points(std::vector<double>{1}).empty());
  CHECK(stats::find_change_points(std::vector<double>{1, 2}).empty());
}

TEST_CASE("a baseline has the median and the scaled absolute deviation, the band the larger of both limits") {
  const std::vector<double> nights{100, 101, 99, 102, 98, 500};
  const auto baseline = stats::baseline_of(nights);
  REQUIRE(baseline);
  CHECK(baseline->n == 6);
  CHECK(baseline->median == 100.5);
  CHECK(baseline->spread == doctest::Approx(1.5 * 1.4826022185056018));
  CHECK(stats::band_ratio(*baseline, 0.03, 4) == doctest::Approx(4 * 1.5 * 1.4826022185056018 / 100.5));
  CHECK(stats::band_ratio(*baseline, 0.3, 4) == 0.3);
  CHECK_FALSE(stats::baseline_of({}));
}
