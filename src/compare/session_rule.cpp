#include "compare/session_rule.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "stats/exact_tests.h"
#include "stats/summary.h"

namespace qbench::compare {
namespace {

bool is_worse(double fresh, double base, record::Better better) { return better == record::Better::kHigher ? fresh < base : fresh > base; }

/// All values of `a` lie on the worse side of all values of `b`.
bool all_worse(std::span<const double> a, std::span<const double> b, record::Better better) {
  const auto [a_low, a_high] = std::minmax_element(a.begin(), a.end());
  const auto [b_low, b_high] = std::minmax_element(b.begin(), b.end());
  return better == record::Better::kHigher ? *a_high < *b_low : *a_low > *b_high;
}

/// The extreme ratios are those of the extreme values, where base values have one sign.
bool all_within(std::span<const double> base, std::span<const double> fresh, double delta) {
  return std::all_of(base.begin(), base.end(), [&](double b) {
    return std::all_of(fresh.begin(), fresh.end(), [&](double f) { return std::abs(f - b) <= delta * std::abs(b); });
  });
}

}  // namespace

RuleResult judge_sessions(std::span<const double> base, std::span<const double> fresh, record::Better better, double delta) {
  QB_CHECK(!base.empty() && !fresh.empty() && better != record::Better::kNeither);
  if (base.size() < kFewestSessions || fresh.size() < kFewestSessions) return {Verdict::kUnclear, Reason::kFewSessions};
  const double before = *stats::median(base), now = *stats::median(fresh);
  if (before == 0 && now != 0) return {Verdict::kUnclear, Reason::kNoRatio};
  if (std::abs(now - before) > delta * std::abs(before)) {
    if (all_worse(fresh, base, better)) return {Verdict::kWorse, Reason::kSessionsApart};
    if (all_worse(base, fresh, better)) return {Verdict::kBetter, Reason::kSessionsApart};
  }
  if (all_within(base, fresh, delta)) return {Verdict::kSame, Reason::kWithinDelta};
  return {Verdict::kUnclear, Reason::kOverlap};
}

RuleResult judge_counted(double base, double fresh, record::Better better, double delta) {
  if (std::abs(fresh - base) <= delta * std::abs(base)) return {Verdict::kSame, Reason::kEqual};
  if (better == record::Better::kNeither) return {Verdict::kUnclear, Reason::kDiffers};
  return {is_worse(fresh, base, better) ? Verdict::kWorse : Verdict::kBetter, Reason::kDiffers};
}

RuleResult judge_tasks(std::int64_t lost, std::int64_t gained, double max_p) {
  if (lost == 0 && gained == 0) return {Verdict::kSame, Reason::kPairedTasks};
  if (lost == gained || !(stats::mcnemar_exact_p(lost, gained) < max_p)) return {Verdict::kUnclear, Reason::kPairedTasks};
  return {lost > gained ? Verdict::kWorse : Verdict::kBetter, Reason::kPairedTasks};
}

}  // namespace qbench::compare
