#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "stats/bootstrap.h"

namespace qbench::stats {

/// Spearman's rank correlation of pairs (x[i], y[i]): Pearson's of the ranks, ties with their mean rank (Spearman 1904). Nothing below
/// three pairs or where all of one side are equal. The spans are equally long and finite.
std::optional<double> rank_correlation(std::span<const double> x, std::span<const double> y);

/// 95 % interval of a rank correlation over `pairs` pairs: Fisher's z with the variance (1 + r^2 / 2) / (pairs - 3) of Bonett and Wright
/// (2000). Nothing below four pairs and at 1 or -1.
std::optional<Interval> rank_correlation_interval(double correlation, std::size_t pairs);

}  // namespace qbench::stats
