#include "stats/student_t.h"

#include <cmath>
#include <limits>

#include "base/check.h"
#include "stats/summary.h"

namespace qbench::stats {
namespace {

/// The continued fraction converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto away_from_zero = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double value = d;
  for (int m = 1; m <= 10'000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    value *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    value *= d * c;
    if (std::abs(d * c - 1) < std::numeric_limits<double>::epsilon()) break;
  }
  return value;
}

double squares_about_mean(std::span<const double> sample) {
  const double deviation = stddev(sample).value_or(0);
  return deviation * deviation * static_cast<double>(sample.size() - 1);
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
  QB_CHECK(a > 0 && b > 0 && x >= 0 && x <= 1);
  if (x == 0 || x == 1) return x;
  const double log_front = std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x);
  if (x < (a + 1) / (a + b + 2)) return std::exp(log_front) * beta_fraction(a, b, x) / a;
  return 1 - std::exp(log_front) * beta_fraction(b, a, 1 - x) / b;
}

double student_t_quantile(double p, double df) {
  QB_CHECK(p >= 0.5 && p < 1 && df >= 1);
  const auto below = [&](double t) { return 1 - incomplete_beta(df / 2, 0.5, df / (df + t * t)) / 2; };
  double low = 0, high = 1;
  while (below(high) < p) high *= 2;
  for (double middle = high / 2; middle > low && middle < high; middle = low + (high - low) / 2) (below(middle) < p ? low : high) = middle;
  return high;
}

double student_t_test_p(std::span<const double> left, std::span<const double> right) {
  QB_CHECK(!left.empty() && !right.empty());
  if (left.size() + right.size() < 3) return 1;
  const double difference = *mean(left) - *mean(right);
  const auto n_left = static_cast<double>(left.size()), n_right = static_cast<double>(right.size());
  const double freedom = n_left + n_right - 2;
  const double variance = (squares_about_mean(left) + squares_about_mean(right)) / freedom * (1 / n_left + 1 / n_right);
  if (variance == 0) return difference == 0 ? 1 : 0;
  const double t_squared = difference * difference / variance;
  return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t_squared));
}

}  // namespace qbench::stats
