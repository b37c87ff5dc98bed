#include "stats/pass_at_k.h"

#include <doctest/doctest.h>

#include <vector>

#include "base/random.h"

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
