#include "stats/pass_at_k.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "test_support.h"

using namespace qbench;
using stats::pass_at_k;
using stats::TaskCount;

namespace {

/// Share of the subsets of k answers that hold a passing one, counted one by one.
double counted(const TaskCount& task, std::int64_t k) {
  std::int64_t with = 0, all = 0;
  for (std::uint32_t set = 0; set < (1U << task.samples); ++set) {
    if (__builtin_popcount(set) != k) continue;
    ++all;
    if ((set & ((1U << task.passed) - 1)) != 0) ++with;
  }
  return static_cast<double>(with) / static_cast<double>(all);
}

}  // namespace

TEST_CASE("pass@k of a task is the share of its subsets of k answers that hold a passing one") {
  for (std::int64_t n = 1; n <= 10; ++n)
    for (std::int64_t c = 0; c <= n; ++c)
      for (std::int64_t k = 1; k <= n; ++k) CHECK(pass_at_k(TaskCount{n, c}, k).value() == doctest::Approx(counted({n, c}, k)));
  CHECK(!pass_at_k(TaskCount{9, 9}, 10));
  CHECK(pass_at_k(TaskCount{200, 1}, 100).value() == doctest::Approx(0.5));
  CHECK(pass_at_k(TaskCount{100'000, 50'000}, 1000).value() == 1.0);  // no overflow
}

TEST_CASE("pass@k over tasks is their mean, and nothing where one has too few answers") {
  const std::vector<TaskCount> tasks{{10, 10}, {10, 5}, {10, 0}};
  CHECK(pass_at_k(tasks, 1)->value == doctest::Approx(0.5));
  CHECK(pass_at_k(tasks, 1)->tasks == 3);
  CHECK(pass_at_k(tasks, 1)->interval.low >= 0.0);
  CHECK(pass_at_k(tasks, 1)->interval.high <= 1.0);
  CHECK(!pass_at_k(std::vector<TaskCount>{{10, 10}, {9, 5}}, 10));
  CHECK(!pass_at_k(std::vector<TaskCount>{}, 1));
}

TEST_CASE("with one answer a task the interval is Wilson's, and does not collapse where all pass") {
  const std::vector<TaskCount> all(20, TaskCount{1, 1});
  CHECK(pass_at_k(all, 1)->interval.low == doctest::Approx(0.8389).epsilon(1e-3));  // 20 of 20, from published tables
  CHECK(pass_at_k(all, 1)->interval.high == 1.0);
  std::vector<TaskCount> some(10, TaskCount{1, 0});
  some[0].passed = 1;
  CHECK(pass_at_k(some, 1)->interval.low == doctest::Approx(0.0179).epsilon(1e-2));  // 1 of 10
  CHECK(pass_at_k(some, 1)->interval.high == doctest::Approx(0.4042).epsilon(1e-3));
}

TEST_CASE("with few tasks, or equal rates, the interval does not collapse to what a bootstrap draws of them") {
  const auto one = pass_at_k(std::vector<TaskCount>{{5, 2}}, 1);
  CHECK(one->interval.low == doctest::Approx(stats::wilson_interval(0.4, 1)->low));
  CHECK(one->interval.high == doctest::Approx(stats::wilson_interval(0.4, 1)->high));
  const auto equal = pass_at_k(std::vector<TaskCount>(12, TaskCount{5, 2}), 1);
  CHECK(equal->interval.low < 0.25);
  CHECK(equal->interval.high > 0.6);
}

TEST_CASE("the interval over tasks covers the true pass@1 about 95 times in 100") {
  Random random(7);
  int covered = 0;
  constexpr int kRuns = 200, kTasks = 40, kSamples = 5;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<TaskCount> tasks;
    for (int t = 0; t < kTasks; ++t) {
      const double p = random.next_uniform();  // tasks differ; the mean of their rates is 0.5
      TaskCount task{kSamples, 0};
      for (int s = 0; s < kSamples; ++s) task.passed += random.next_uniform() < p ? 1 : 0;
      tasks.push_back(task);
    }
    const auto estimate = pass_at_k(tasks, 1);
    covered += estimate->interval.low <= 0.5 && 0.5 <= estimate->interval.high ? 1 : 0;
  }
  CHECK(covered >= 0.90 * kRuns);
  CHECK(covered <= 0.99 * kRuns);
}

TEST_CASE("equal counts give equal intervals") {
  const std::vector<TaskCount> tasks{{4, 1}, {4, 3}, {4, 2}, {4, 4}};
  CHECK(pass_at_k(tasks, 2)->interval.low == pass_at_k(tasks, 2)->interval.low);
  CHECK(pass_at_k(tasks, 2)->interval.low < pass_at_k(tasks, 2)->value);
}

TEST_CASE("pass@k, its mean, its bootstrap and Wilson's interval are those of exact fractions, numpy and scipy") {
  const auto fixture = read_json_file(test::fixtures_dir() / "stats" / "pass_at_k.json");
  for (const auto& one : fixture["single"]) {
    CAPTURE(one.dump());
    const auto value = pass_at_k(TaskCount{one["samples"], one["passed"]}, one["k"].get<std::int64_t>());
    CHECK(value.value() == doctest::Approx(one["value"].get<double>()).epsilon(1e-10));
  }
  for (const auto& one : fixture["over_tasks"]) {
    CAPTURE(one.dump());
    std::vector<TaskCount> tasks;
    for (const auto& pair : one["tasks"]) tasks.push_back({pair[0], pair[1]});
    const auto over = pass_at_k(tasks, one["k"].get<std::int64_t>());
    REQUIRE(over);
    CHECK(over->value == doctest::Approx(one["value"].get<double>()).epsilon(1e-12));
    // A 2.5 % quantile of 10,000 draws has a standard error of sqrt(0.025 * 0.975 / 10000) / 0.0585 = 0.027 deviations of the mean; five of them,
    // and one step of the lattice that the mean of counts lies on.
    const double low = one["low"], high = one["high"], deviation = (high - low) / 3.92;
    const double tolerance = 5 * 0.027 * deviation + 1.0 / static_cast<double>(tasks.size() * static_cast<std::size_t>(tasks.front().samples));
    CHECK(std::abs(over->interval.low - low) <= tolerance);
    CHECK(std::abs(over->interval.high - high) <= tolerance);
  }
  for (const auto& one : fixture["wilson"]) {
    CAPTURE(one.dump());
    const auto interval = stats::wilson_interval(one["passed"], one["trials"]);
    REQUIRE(interval);
    CHECK(std::abs(interval->low - one["low"].get<double>()) <= 1e-9);
    CHECK(std::abs(interval->high - one["high"].get<double>()) <= 1e-9);
  }
}
