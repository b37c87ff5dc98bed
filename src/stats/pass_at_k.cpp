#include "stats/pass_at_k.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "stats/normal.h"

namespace qbench::stats {
namespace {

constexpr int kResamples = 10'000;
constexpr std::int64_t kFewTasks = 8;
constexpr std::uint64_t kSeed = 2'107'03374;

Interval bootstrap_mean(const std::vector<double>& values) {
  Random random(kSeed);
  std::vector<double> means;
  means.reserve(kResamples);
  for (int r = 0; r < kResamples; ++r) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += values[random.next_below(values.size())];
    means.push_back(sum / static_cast<double>(values.size()));
  }
  std::sort(means.begin(), means.end());
  const auto at = [&](double q) { return means[static_cast<std::size_t>(std::lround(q * (kResamples - 1)))]; };
  return {at(0.025), at(0.975)};
}

}  // namespace

std::optional<double> pass_at_k(const TaskCount& task, std::int64_t k) {
  QB_CHECK(k > 0 && task.passed >= 0 && task.passed <= task.samples);
  if (task.samples < k) return std::nullopt;
  double none = 1;  // C(n - c, k) / C(n, k) as a product: no factorial overflows
  for (std::int64_t i = task.samples - task.passed + 1; i <= task.samples; ++i)
    none *= 1.0 - static_cast<double>(k) / static_cast<double>(i);
  return task.samples - task.passed < k ? 1.0 : 1.0 - none;
}

std::optional<Interval> wilson_interval(double passed, std::int64_t trials) {
  QB_CHECK(passed >= 0 && passed <= static_cast<double>(trials));
  if (trials == 0) return std::nullopt;
  const double n = static_cast<double>(trials), p = passed / n, z2 = kNormal975 * kNormal975;
  const double center = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kNormal975 / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return Interval{passed == 0 ? 0.0 : std::max(0.0, center - half), passed == n ? 1.0 : std::min(1.0, center + half)};
}

std::optional<PassAtK> pass_at_k(std::span<const TaskCount> tasks, std::int64_t k) {
  if (tasks.empty()) return std::nullopt;
  std::vector<double> values;
  bool plain = true;
  double sum = 0;
  for (const TaskCount& task : tasks) {
    const std::optional<double> value = pass_at_k(task, k);
    if (!value) return std::nullopt;
    plain = plain && (*value == 0.0 || *value == 1.0);
    sum += *value;
    values.push_back(*value);
  }
  PassAtK result{sum / static_cast<double>(values.size()), {}, static_cast<std::int64_t>(values.size())};
  const Interval wilson = *wilson_interval(sum, result.tasks);
  result.interval = wilson;
  if (plain) return result;
  result.interval = bootstrap_mean(values);
  const bool all_equal = std::equal(values.begin() + 1, values.end(), values.begin());
  if (result.tasks < kFewTasks || all_equal) {
    result.interval.low = std::min(result.interval.low, wilson.low);
    result.interval.high = std::max(result.interval.high, wilson.high);
  }
  return result;
}

}  // namespace qbench::stats
