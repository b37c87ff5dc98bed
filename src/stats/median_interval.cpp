#include "stats/median_interval.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "stats/exact_tests.h"

namespace qbench::stats {

std::optional<Interval> sign_test_median_interval(std::span<const double> sample, double confidence) {
  QB_CHECK(confidence > 0.0 && confidence < 1.0);
  const std::size_t n = sample.size();
  // A median below the k-th smallest value has at most k - 1 values on its lower side: what the sign test rejects.
  std::size_t k = 0;
  while (2 * k < n && sign_test_p(static_cast<std::int64_t>(k), static_cast<std::int64_t>(n - k)) <= 1.0 - confidence) ++k;
  if (k == 0) return std::nullopt;
  std::vector<double> sorted(sample.begin(), sample.end());
  std::sort(sorted.begin(), sorted.end());
  return Interval{sorted[k - 1], sorted[n - k]};
}

}  // namespace qbench::stats
