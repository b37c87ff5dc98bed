#include "compare/pair_rule.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "stats/median_interval.h"
#include "stats/summary.h"

namespace qbench::compare {
namespace {

/// log(candidate / base) of each pair; nothing where a pair has no ratio.
std::optional<std::vector<double>> log_ratios(std::span<const double> base, std::span<const double> candidate) {
  std::vector<double> logs;
  for (std::size_t i = 0; i < base.size(); ++i) {
    if (base[i] == candidate[i]) {
      logs.push_back(0.0);
      continue;
    }
    const double ratio = candidate[i] / base[i];
    if (base[i] == 0.0 || !(ratio > 0.0) || !std::isfinite(ratio)) return std::nullopt;
    logs.push_back(std::log(ratio));
  }
  return logs;
}

/// `interval` counts what is worse as positive.
RuleResult verdict_of(const stats::Interval& interval, double delta) {
  const double bound = std::log1p(delta);
  if (interval.low > bound) return {Verdict::kWorse, Reason::kPairsBeyond};
  if (interval.high < -bound) return {Verdict::kBetter, Reason::kPairsBeyond};
  if (interval.low >= -bound && interval.high <= bound) return {Verdict::kSame, Reason::kPairsWithin};
  return {Verdict::kUnclear, Reason::kPairsStraddle};
}

}  // namespace

PairResult judge_pairs(std::span<const double> base, std::span<const double> candidate, record::Better better, double delta) {
  QB_CHECK(!base.empty() && base.size() == candidate.size() && better != record::Better::kNeither && delta >= 0);
  const auto logs = log_ratios(base, candidate);
  if (!logs) return {{Verdict::kUnclear, Reason::kNoRatio}, std::nullopt, std::nullopt};
  PairResult out;
  out.ratio = std::exp(*stats::median(*logs));
  const auto interval = stats::sign_test_median_interval(*logs);
  if (interval) out.interval = stats::Interval{std::exp(interval->low), std::exp(interval->high)};
  if (base.size() < kFewestPairs) {
    out.result = {Verdict::kUnclear, Reason::kFewPairs};
  } else {
    const bool flip = better == record::Better::kHigher;
    out.result = verdict_of(flip ? stats::Interval{-interval->high, -interval->low} : *interval, delta);
  }
  return out;
}

}  // namespace qbench::compare
