#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace qbench::stats {

/// Where a series stands and how it scatters, neither moved by a few outliers.
struct Baseline {
  std::size_t n = 0;
  double median = 0;
  double spread = 0;  ///< 1.4826 median absolute deviations: a standard deviation where the noise is normal
};

/// Nothing of an empty sample.
std::optional<Baseline> baseline_of(std::span<const double> sample);

/// How far a value may lie from the baseline, as a ratio of its median: the larger of `delta` and `spreads` times the spread. The median is
/// not 0.
double band_ratio(const Baseline& baseline, double delta, double spreads);

}  // namespace qbench::stats
