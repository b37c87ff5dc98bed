#pragma once

#include <optional>
#include <span>

#include "compare/rules.h"
#include "compare/session_rule.h"
#include "stats/baseline.h"

namespace qbench::compare {

/// What becomes of a night's value in its history.
enum class NightState : std::uint8_t {
  kAccepted,  ///< part of baselines
  kSuspect,   ///< a first excess: the next judged night accepts or rejects it
  kRejected,  ///< a confirmed excess
  kExcluded,  ///< throttled, slower clocks, or a run after a suspect of its night: no part of baselines, and decides nothing
};
std::string_view name_of(NightState state) noexcept;  ///< "accepted", "suspect", "rejected", "excluded"

/// One metric of one night against its history. All values finite.
struct GateQuestion {
  std::span<const double> accepted;  ///< values of the latest accepted nights before this one, at most Rules::window
  double value = 0;
  record::Better better = record::Better::kLower;
  bool throttled = false;
  std::optional<NightState> previous;  ///< state of the latest night before this one that was not excluded
  /// A run of this same night is a suspect: what this run says of it is the night's noise once more, so it neither confirms nor clears it.
  bool after_suspect = false;
  /// Where clocks are known and the metric is of time: median clock of the accepted nights over that of this night.
  std::optional<double> clock_ratio;
};

struct GateAnswer {
  RuleResult result;
  NightState state = NightState::kAccepted;
  bool accepts_previous = false;  ///< the suspect before it turns out to have been noise
  bool rejects_previous = false;
  std::optional<stats::Baseline> baseline;
  std::optional<double> band;  ///< as a ratio of the baseline's median
};

/// The gate: median and MAD of accepted nights, a band of the larger of `delta` and rules.spreads spreads, and a second night to confirm.
GateAnswer judge_night(const GateQuestion& question, const Rules& rules, const MetricRule& metric, bool cpu);

}  // namespace qbench::compare
