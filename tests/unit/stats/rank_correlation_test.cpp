#include "stats/rank_correlation.h"

#include <doctest/doctest.h>

#include <vector>

using namespace qbench::stats;

TEST_CASE("rank correlation is Spearman's, ties with their mean rank") {
  const std::vector<double> x{1, 2, 2, 3, 5, 8, 8, 8}, y{0, 1, 0.5, 0.5, 1, 1, 0, 1};
  CHECK(*rank_correlation(x, y) == doctest::Approx(0.3314822017));  // scipy.stats.spearmanr
  CHECK(*rank_correlation(x, x) == doctest::Approx(1));
  CHECK_FALSE(rank_correlation(std::vector<double>{1, 2}, std::vector<double>{1, 2}));
  CHECK_FALSE(rank_correlation(std::vector<double>{1, 2, 3}, std::vector<double>{4, 4, 4}));
}

TEST_CASE("a rank correlation's interval is Bonett and Wright's") {
  // numpy: tanh(atanh(r) -+ 1.959964 sqrt((1 + r^2 / 2) / (n - 3)))
  const auto positive = rank_correlation_interval(0.4458, 74), negative = rank_correlation_interval(-0.3, 10);
  CHECK(positive->low == doctest::Approx(0.2312958));
  CHECK(positive->high == doctest::Approx(0.6189704));
  CHECK(negative->low == doctest::Approx(-0.7882529));
  CHECK(negative->high == doctest::Approx(0.4200574));
  CHECK_FALSE(rank_correlation_interval(0.5, 3));
  CHECK_FALSE(rank_correlation_interval(1, 20));
}
