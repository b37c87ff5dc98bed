#pragma once

#include <span>

namespace qbench::stats {

/// Regularised incomplete beta function I_x(a, b), x in [0, 1], a and b above 0. Continued fraction of DLMF 8.17.22, evaluated by Lentz's
/// method.
double incomplete_beta(double a, double b, double x);

/// The t below which a share `p` of Student's distribution with `df` degrees of freedom lies; p in [0.5, 1), df at least 1. Bisection, to the
/// last bits.
double student_t_quantile(double p, double df);

/// Two-sided p value of Student's t test for two independent samples of equal variance (pooled, n - 1). Without spread in either: 0 where
/// the means differ, else 1. 1 where there are fewer than three values in all. Both samples hold at least one value.
double student_t_test_p(std::span<const double> left, std::span<const double> right);

}  // namespace qbench::stats
