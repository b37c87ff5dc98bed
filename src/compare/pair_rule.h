#pragma once

#include <optional>
#include <span>

#include "compare/session_rule.h"
#include "stats/bootstrap.h"

/// Verdict on two builds that ran in turn, pair by pair.
namespace qbench::compare {

inline constexpr std::size_t kFewestPairs = 10;

struct PairResult {
  RuleResult result;
  std::optional<double> ratio;               ///< median of the pairs' ratios candidate / baseline
  std::optional<stats::Interval> interval;   ///< 95 % interval of that median; nothing below 6 pairs
};

/// `base[i]` and `candidate[i]` are of one pair of fresh processes; equally many, at least one, finite; `better` is not kNeither. What is judged is the
/// logarithm of each pair's ratio, so that a time and the rate that is its inverse get the same verdict. The interval of its median lies wholly
/// beyond log(1 + delta) on the worse side: worse; better likewise; wholly within +-log(1 + delta): same; else unclear. Unclear too: fewer than
/// kFewestPairs pairs, and values of 0 or of different signs, which have no ratio (all pairs equal: same).
PairResult judge_pairs(std::span<const double> base, std::span<const double> candidate, record::Better better, double delta);

}  // namespace qbench::compare
