#pragma once

#include <optional>
#include <span>

namespace qbench::stats {

/// Spearman's rank correlation of pairs (x[i], y[i]): Pearson's of the ranks, ties with their mean rank (Spearman 1904). Nothing below
/// three pairs or where all of one side are equal. The spans are equally long and finite.
std::optional<double> rank_correlation(std::span<const double> x, std::span<const double> y);

}  // namespace qbench::stats
