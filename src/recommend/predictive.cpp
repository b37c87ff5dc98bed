#include "recommend/predictive.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "stats/summary.h"

namespace qbench::recommend {
namespace {

constexpr std::size_t kEnoughValues = 40;  // their 0.025 and 0.975 quantiles are between values

/// Student's t: a standard normal over the root of a chi-square by its degrees of freedom.
double next_t(std::size_t freedom, Random& random) {
  double squares = 0;
  for (std::size_t i = 0; i < freedom; ++i) {
    const double z = random.next_normal();
    squares += z * z;
  }
  return random.next_normal() / std::sqrt(squares / static_cast<double>(freedom));
}

}  // namespace

double draw_further(std::span<const double> values, bool positive, Random& random, std::size_t fitted) {
  if (values.size() <= fitted || values.size() >= kEnoughValues) return values[random.next_below(values.size())];
  std::vector<double> scaled(values.begin(), values.end());
  if (positive) {
    for (double& value : scaled) value = std::log(value);
  }
  const double n = static_cast<double>(scaled.size());
  const double freedom = n - static_cast<double>(fitted);
  const double deviation = *stats::stddev(scaled) * std::sqrt((n - 1) / freedom);
  const double drawn = *stats::mean(scaled) + deviation * std::sqrt(1 + 1 / n) * next_t(scaled.size() - fitted, random);
  return positive ? std::exp(std::min(drawn, 700.0)) : drawn;  // a finite number
}

}  // namespace qbench::recommend
