#pragma once

#include <cstddef>
#include <span>

#include "base/random.h"

namespace qbench::recommend {

constexpr std::size_t kLeastForInterval = 3;  ///< values beside which a mean is fitted; one more for a line

/// Draws a further value of the population that `values` are of: from 40 values on one of them; below, where the measured range covers too
/// little (n values hold the next one between them in (n - 1) / (n + 1) of cases), mean + deviation * sqrt(1 + 1/n) * t, t of Student's
/// distribution with n - 1 degrees of freedom: the predictive distribution of a normal population. With `positive` that of the logarithms,
/// for times and lengths; all values are then above 0. `fitted` is how many numbers were fitted to the values before (a mean: 1, a line:
/// 2): degrees of freedom are n - fitted. `values` is not empty; as many as `fitted` or fewer are drawn from as they are.
double draw_further(std::span<const double> values, bool positive, Random& random, std::size_t fitted = 1);

}  // namespace qbench::recommend
