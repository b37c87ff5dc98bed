#pragma once

#include <cstdint>

/// Exact tests on counts.
namespace qbench::stats {

/// Two-sided p value of the sign test: `plus` and `minus` are how many of the differences are positive and negative (zeros left out). Twice
/// the smaller tail of Binomial(plus + minus, 1/2), at most 1; 1 without any difference. Counts from 0 on.
double sign_test_p(std::int64_t plus, std::int64_t minus);

/// Exact McNemar test on paired outcomes (McNemar 1947, with the binomial tail in place of chi-square): the sign test on the pairs that
/// disagree. `lost` pairs passed before and fail now, `gained` the other way round; pairs that agree say nothing.
inline double mcnemar_exact_p(std::int64_t lost, std::int64_t gained) { return sign_test_p(lost, gained); }

}  // namespace qbench::stats
