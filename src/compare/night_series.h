#pragma once

#include <vector>

#include "compare/gate_rule.h"

namespace qbench::compare {

/// A night's value as a history keeps it.
struct Night {
  double value = 0;
  NightState state = NightState::kAccepted;
};

/// Judges `fresh` (value; its state is set) after `nights`, oldest first, and gives the suspect among them that it decides its new state.
/// Of `question`, better, throttled, clock_ratio and after_suspect count (what a night is, in hours, the history knows); the rest is taken from `nights`. Returns the answer and the index of the decided
/// night (nights.size(): none).
struct JudgedNight {
  GateAnswer answer;
  std::size_t decided = 0;
};
JudgedNight judge_next(std::vector<Night>& nights, Night& fresh, GateQuestion question, const Rules& rules, const MetricRule& metric,
                       bool cpu);

}  // namespace qbench::compare
