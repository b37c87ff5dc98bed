#include "stats/baseline.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "stats/summary.h"

namespace qbench::stats {

std::optional<Baseline> baseline_of(std::span<const double> sample) {
  if (sample.empty()) return std::nullopt;
  constexpr double kNormal = 1.4826022185056018;  // 1 / the 0.75 quantile of the standard normal distribution
  return Baseline{sample.size(), *median(sample), kNormal * *median_absolute_deviation(sample)};
}

double band_ratio(const Baseline& baseline, double delta, double spreads) {
  QB_CHECK(baseline.median != 0);
  return std::max(delta, spreads * baseline.spread / std::abs(baseline.median));
}

}  // namespace qbench::stats
