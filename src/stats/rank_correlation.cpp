#include "stats/rank_correlation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "stats/normal.h"

namespace qbench::stats {
namespace {

std::vector<double> mean_ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    const double rank = (static_cast<double>(first) + static_cast<double>(end - 1)) / 2;
    for (; first < end; ++first) ranks[order[first]] = rank;
  }
  return ranks;
}

}  // namespace

std::optional<double> rank_correlation(std::span<const double> x, std::span<const double> y) {
  QB_CHECK(x.size() == y.size());
  if (x.size() < 3) return std::nullopt;
  const std::vector<double> a = mean_ranks(x), b = mean_ranks(y);
  const double middle = static_cast<double>(x.size() - 1) / 2;  // ties keep the sum of the ranks
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - middle) * (b[i] - middle);
    aa += (a[i] - middle) * (a[i] - middle);
    bb += (b[i] - middle) * (b[i] - middle);
  }
  if (aa == 0 || bb == 0) return std::nullopt;
  return ab / std::sqrt(aa * bb);
}

std::optional<Interval> rank_correlation_interval(double correlation, std::size_t pairs) {
  if (pairs < 4 || !(std::abs(correlation) < 1)) return std::nullopt;
  const double z = std::atanh(correlation);
  const double half = kNormal975 * std::sqrt((1 + correlation * correlation / 2) / static_cast<double>(pairs - 3));
  return Interval{std::tanh(z - half), std::tanh(z + half)};
}

}  // namespace qbench::stats
