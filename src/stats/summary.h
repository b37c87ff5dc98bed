#pragma once

#include <cstdint>
#include <optional>
#include <span>

/// Pure functions over finite samples. Nothing (not NaN, not 0) comes back where a statistic is undefined.
namespace qbench::stats {

/// Quantile q in [0, 1] with linear interpolation between order statistics: position (n-1)q (Hyndman and Fan 1996, type 7; numpy's
/// default).
std::optional<double> quantile(std::span<const double> sample, double q);

/// Quantile 0.5.
std::optional<double> median(std::span<const double> sample);

/// Arithmetic mean, summed relative to the first value, so that a large common offset costs no digits.
std::optional<double> mean(std::span<const double> sample);

/// Sample standard deviation with n-1 in the denominator; nothing below two values. Corrected two-pass algorithm (Chan, Golub, LeVeque
/// 1983) relative to the first value.
std::optional<double> stddev(std::span<const double> sample);

/// Median of the absolute deviations from the median, not scaled.
std::optional<double> median_absolute_deviation(std::span<const double> sample);

struct Summary {
  std::int64_t n = 0;
  std::optional<double> median, min, max, mean, stddev;
};
Summary summarize(std::span<const double> sample);

/// Fewest samples from which a percentile above the median may be stated: the smallest n with P(Binomial(n, 1-q) <= 1) <= 0.01, the bound
/// of MLPerf's early stopping (64, 130, 662 for 0.90, 0.95, 0.99). 1 for q <= 0.5. q in [0, 0.9999].
std::int64_t minimum_samples(double q);

/// quantile(sample, q), or nothing below minimum_samples(q).
std::optional<double> guarded_quantile(std::span<const double> sample, double q);

}  // namespace qbench::stats
