#pragma once

#include <optional>
#include <span>

namespace qbench::stats {

struct Interval {
  double low = 0, high = 0;
  /// Half its width over `center`; nothing where that is 0.
  std::optional<double> half_width_ratio(double center) const;
};

/// Percentile bootstrap interval of the median with the given confidence in (0, 1): the quantiles (1 - confidence) / 2 and (1 + confidence) / 2 of
/// the median's distribution under resampling with replacement. That distribution is known (Maritz and Jarrett 1978; Efron 1979), so nothing is
/// drawn: equal samples give equal intervals, and they are what a simulation with many resamples tends to. Nothing below two values. O(n^2) for
/// an even n up to 512; above, the lower of the two middle values stands for their mean.
std::optional<Interval> bootstrap_median_interval(std::span<const double> sample, double confidence = 0.95);

}  // namespace qbench::stats
