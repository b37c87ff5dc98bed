#include "stats/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/check.h"

namespace qbench::stats {
namespace {

constexpr std::size_t kMostPairs = 512;  // an even sample up to here has its pairs of middle values weighed one by one

/// P(Binomial(n, p) >= k).
double upper_tail(std::size_t n, double p, std::size_t k) {
  if (k == 0 || p >= 1.0) return 1.0;
  if (p <= 0.0) return 0.0;
  const auto count = static_cast<double>(n);
  double sum = 0.0;
  for (std::size_t i = k; i <= n; ++i) {
    const auto x = static_cast<double>(i);
    sum += std::exp(std::lgamma(count + 1) - std::lgamma(x + 1) - std::lgamma(count - x + 1) + x * std::log(p) + (count - x) * std::log1p(-p));
  }
  return std::min(1.0, sum);
}

/// A value that the resampled median may take, and how likely it is.
using Weighted = std::vector<std::pair<double, double>>;

/// The k-th smallest (from 1) of n draws: P(it is at most the i-th of the sample) = P(Binomial(n, i/n) >= k).
std::vector<double> order_statistic_weights(std::size_t n, std::size_t k) {
  std::vector<double> weights(n);
  double below = 0.0;
  for (std::size_t i = 1; i <= n; ++i) {
    const double up_to = upper_tail(n, static_cast<double>(i) / static_cast<double>(n), k);
    weights[i - 1] = up_to - below;
    below = up_to;
  }
  return weights;
}

/// Of an even sample the median is the mean of the two middle draws. Both at ranks i < j: m = n/2 draws at most i, one of them i, and the other m
/// at least j, one of them j.
Weighted weigh_pairs(const std::vector<double>& sorted) {
  const std::size_t n = sorted.size(), m = n / 2;
  const auto count = static_cast<double>(n), half = static_cast<double>(m);
  const double ways = std::lgamma(count + 1) - 2.0 * std::lgamma(half + 1);
  std::vector<double> highest(n), lowest(n);  // of m draws the highest is i; the lowest is j
  for (std::size_t i = 0; i < n; ++i) {
    const auto x = static_cast<double>(i);
    highest[i] = std::pow((x + 1) / count, half) - std::pow(x / count, half);
    lowest[i] = std::pow((count - x) / count, half) - std::pow((count - x - 1) / count, half);
  }
  Weighted values;
  std::vector<double> alone = order_statistic_weights(n, m);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) {
      const double weight = highest[i] > 0 && lowest[j] > 0 ? std::exp(ways + std::log(highest[i]) + std::log(lowest[j])) : 0.0;
      values.emplace_back(sorted[i] + (sorted[j] - sorted[i]) / 2, weight);
      alone[i] -= weight;
    }
    values.emplace_back(sorted[i], std::max(0.0, alone[i]));
  }
  std::sort(values.begin(), values.end());
  return values;
}

Weighted median_distribution(const std::vector<double>& sorted) {
  const std::size_t n = sorted.size();
  if (n % 2 == 0 && n <= kMostPairs) return weigh_pairs(sorted);
  const std::vector<double> weights = order_statistic_weights(n, (n + 1) / 2);
  Weighted values;
  for (std::size_t i = 0; i < n; ++i) values.emplace_back(sorted[i], weights[i]);
  return values;
}

double quantile_of(const Weighted& values, double q) {
  double sum = 0.0;
  for (const auto& [value, weight] : values) {
    sum += weight;
    if (sum >= q) return value;
  }
  return values.back().first;
}

}  // namespace

std::optional<double> Interval::half_width_ratio(double center) const {
  if (center == 0.0) return std::nullopt;
  return (high - low) / 2 / std::abs(center);
}

std::optional<Interval> bootstrap_median_interval(std::span<const double> sample, double confidence) {
  QB_CHECK(confidence > 0.0 && confidence < 1.0);
  if (sample.size() < 2) return std::nullopt;
  std::vector<double> sorted(sample.begin(), sample.end());
  std::sort(sorted.begin(), sorted.end());
  const Weighted values = median_distribution(sorted);
  const double tail = (1.0 - confidence) / 2;
  return Interval{quantile_of(values, tail), quantile_of(values, 1.0 - tail)};
}

}  // namespace qbench::stats
