#include "stats/summary.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"

namespace qbench::stats {
namespace {

std::vector<double> sorted(std::span<const double> sample) {
  std::vector<double> values(sample.begin(), sample.end());
  std::sort(values.begin(), values.end());
  return values;
}

/// Quantile of ascending, non-empty values.
double quantile_of_sorted(const std::vector<double>& values, double q) {
  const double position = static_cast<double>(values.size() - 1) * q;
  const auto below = static_cast<std::size_t>(position);
  if (below + 1 >= values.size()) return values.back();
  return values[below] + (position - static_cast<double>(below)) * (values[below + 1] - values[below]);
}

/// Mean of sample - origin, with a second pass that takes off the rounding of the first.
double mean_above(std::span<const double> sample, double origin) {
  const auto n = static_cast<double>(sample.size());
  double sum = 0;
  for (const double x : sample) sum += x - origin;
  const double first = sum / n;
  double rest = 0;
  for (const double x : sample) rest += (x - origin) - first;
  return first + rest / n;
}

}  // namespace

std::optional<double> quantile(std::span<const double> sample, double q) {
  QB_CHECK(q >= 0.0 && q <= 1.0);
  if (sample.empty()) return std::nullopt;
  return quantile_of_sorted(sorted(sample), q);
}

std::optional<double> median(std::span<const double> sample) { return quantile(sample, 0.5); }

std::optional<double> mean(std::span<const double> sample) {
  if (sample.empty()) return std::nullopt;
  return sample.front() + mean_above(sample, sample.front());
}

std::optional<double> stddev(std::span<const double> sample) {
  if (sample.size() < 2) return std::nullopt;
  const double origin = sample.front();
  const double center = mean_above(sample, origin);
  double squares = 0;
  double residue = 0;
  for (const double x : sample) {
    const double deviation = (x - origin) - center;
    squares += deviation * deviation;
    residue += deviation;
  }
  const auto n = static_cast<double>(sample.size());
  return std::sqrt(std::max(0.0, squares - residue * residue / n) / (n - 1));
}

std::optional<double> median_absolute_deviation(std::span<const double> sample) {
  const auto center = median(sample);
  if (!center) return std::nullopt;
  std::vector<double> deviations;
  deviations.reserve(sample.size());
  for (const double x : sample) deviations.push_back(std::abs(x - *center));
  return median(deviations);
}

Summary summarize(std::span<const double> sample) {
  Summary summary;
  summary.n = static_cast<std::int64_t>(sample.size());
  if (sample.empty()) return summary;
  const std::vector<double> values = sorted(sample);
  summary.median = quantile_of_sorted(values, 0.5);
  summary.min = values.front();
  summary.max = values.back();
  summary.mean = mean(sample);
  summary.stddev = stddev(sample);
  return summary;
}

std::int64_t minimum_samples(double q) {
  QB_CHECK(q >= 0.0 && q <= 0.9999);
  if (q <= 0.5) return 1;
  // P(at most one of n lies above the percentile) = q^n + n (1-q) q^(n-1), falling in n from n = 2 on.
  std::int64_t n = 1;
  const auto chance = [q](std::int64_t count) {
    const auto c = static_cast<double>(count);
    return std::pow(q, c) + c * (1.0 - q) * std::pow(q, c - 1.0);
  };
  while (chance(n) > 0.01) ++n;
  return n;
}

std::optional<double> guarded_quantile(std::span<const double> sample, double q) {
  if (static_cast<std::int64_t>(sample.size()) < minimum_samples(q)) return std::nullopt;
  return quantile(sample, q);
}

}  // namespace qbench::stats
