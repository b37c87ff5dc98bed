#include "compare/gate_rule.h"

#include <cmath>

namespace qbench::compare {
namespace {

/// How far a value lies on the bad side of the median, as a ratio of it; below 0 on the good side.
double badness(double value, double median, record::Better better) {
  const double ratio = (value - median) / std::abs(median);
  return better == record::Better::kHigher ? -ratio : ratio;
}

/// The same in clock cycles: what a night at lower clocks would have taken at the baseline's.
double badness_in_cycles(const GateQuestion& question, double median) {
  const double slower = *question.clock_ratio;
  const double value = question.better == record::Better::kHigher ? question.value * slower : question.value / slower;
  return badness(value, median, question.better);
}

}  // namespace

std::string_view name_of(NightState state) noexcept {
  static constexpr std::string_view kNames[] = {"accepted", "suspect", "rejected", "excluded"};
  return kNames[static_cast<std::size_t>(state)];
}

GateAnswer judge_night(const GateQuestion& question, const Rules& rules, const MetricRule& metric, bool cpu) {
  GateAnswer answer;
  answer.baseline = stats::baseline_of(question.accepted);
  const auto says = [&](Verdict verdict, Reason reason, NightState state) {
    answer.result = {verdict, reason};
    answer.state = state;
    return answer;
  };
  if (question.throttled) return says(Verdict::kUnclear, Reason::kThrottled, NightState::kExcluded);
  if (question.accepted.size() < rules.warn_from) return says(Verdict::kUnclear, Reason::kNoBaseline, NightState::kAccepted);
  const stats::Baseline& baseline = *answer.baseline;
  const bool decides = question.accepted.size() >= rules.fail_from;
  if (baseline.median == 0) {
    if (question.value == 0) return says(Verdict::kSame, Reason::kWithinBand, NightState::kAccepted);
    return says(Verdict::kUnclear, Reason::kNoRatio, NightState::kAccepted);
  }
  answer.band = stats::band_ratio(baseline, delta_of(metric, cpu, baseline.median), rules.spreads);
  const double excess = badness(question.value, baseline.median, question.better);
  const bool noisy = baseline.spread > rules.noisy_ratio * std::abs(baseline.median);
  if (excess <= *answer.band) {
    answer.accepts_previous = question.previous == NightState::kSuspect;
    const NightState state = question.after_suspect ? NightState::kExcluded : NightState::kAccepted;
    if (noisy) return says(Verdict::kUnclear, Reason::kNoisy, state);
    if (excess < -*answer.band) return says(Verdict::kBetter, Reason::kImproved, state);
    return says(Verdict::kSame, Reason::kWithinBand, state);
  }
  // Nothing is decided yet, and a baseline that refused what it warns of would never get full.
  if (!decides) return says(Verdict::kUnclear, Reason::kShortBaseline, NightState::kAccepted);
  if (noisy) return says(Verdict::kUnclear, Reason::kNoisy, NightState::kExcluded);
  if (question.clock_ratio && *question.clock_ratio > 1 && badness_in_cycles(question, baseline.median) <= *answer.band) {
    return says(Verdict::kUnclear, Reason::kClocks, NightState::kExcluded);
  }
  if (question.after_suspect) return says(Verdict::kSuspect, Reason::kSameNight, NightState::kExcluded);
  if (question.previous == NightState::kSuspect || question.previous == NightState::kRejected) {
    answer.rejects_previous = question.previous == NightState::kSuspect;
    return says(Verdict::kWorse, Reason::kConfirmedExcess, NightState::kRejected);
  }
  return says(Verdict::kSuspect, Reason::kFirstExcess, NightState::kSuspect);
}

}  // namespace qbench::compare
