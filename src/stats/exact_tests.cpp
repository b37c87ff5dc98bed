#include "stats/exact_tests.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"

namespace qbench::stats {

double sign_test_p(std::int64_t plus, std::int64_t minus) {
  QB_CHECK(plus >= 0 && minus >= 0);
  const std::int64_t n = plus + minus;
  const std::int64_t fewer = std::min(plus, minus);
  if (2 * fewer >= n - 1) return 1.0;  // both tails overlap or meet
  // From the largest term of the tail downwards, relative to it: C(n, k - 1) = C(n, k) k / (n - k + 1).
  double sum = 0, term = 1;
  for (std::int64_t k = fewer; k >= 0 && term > 1e-18 * sum; --k) {
    sum += term;
    term *= static_cast<double>(k) / static_cast<double>(n - k + 1);
  }
  const auto total = static_cast<double>(n);
  const auto low = static_cast<double>(fewer);
  const double log_largest = std::lgamma(total + 1) - std::lgamma(low + 1) - std::lgamma(total - low + 1) - total * std::numbers::ln2;
  return std::min(1.0, 2 * sum * std::exp(log_largest));
}

}  // namespace qbench::stats
