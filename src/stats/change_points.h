#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace qbench::stats {

struct ChangePoint {
  std::size_t index = 0;         ///< first value after the change
  double before = 0, after = 0;  ///< means of the stretches on both sides, each up to the next change point
  double p = 1;                  ///< of a t test between these stretches
  bool operator==(const ChangePoint&) const = default;
};

struct ChangePointRule {
  std::size_t window = 30;    ///< values looked at together; windows overlap by half
  double max_p = 0.001;       ///< of a change point that stays; candidates may have ten times this
  double magnitude = 0.01;    ///< least relative change of the mean, in the larger direction
  std::size_t min_after = 3;  ///< values that must follow a change point
};

/// Change points of a series in order of time, found by E-divisive splits (Matteson and James 2014, arXiv 1306.4933: the split that
/// maximises the energy statistic) in overlapping windows, with a t test for significance, then merged from the weakest up (Fleming et al.
/// 2023, "Hunter"). Deterministic. Finite values. O(n window) and the square of the number of candidates.
std::vector<ChangePoint> find_change_points(std::span<const double> series, const ChangePointRule& rule = {});

/// The candidate of one stretch: the split index that maximises the energy statistic over all right ends. At least two values.
struct Split {
  std::size_t index = 0;  ///< of the first value of the right part, from the stretch's begin
  double statistic = 0;
};
Split best_split(std::span<const double> stretch);

}  // namespace qbench::stats
