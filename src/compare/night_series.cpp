#include "compare/night_series.h"

#include <algorithm>

namespace qbench::compare {

JudgedNight judge_next(std::vector<Night>& nights, Night& fresh, GateQuestion question, const Rules& rules, const MetricRule& metric,
                       bool cpu) {
  std::vector<double> accepted;
  std::size_t latest = nights.size();
  for (std::size_t i = nights.size(); i-- > 0 && accepted.size() < rules.window;) {
    if (nights[i].state == NightState::kAccepted) accepted.push_back(nights[i].value);
    if (nights[i].state != NightState::kExcluded && latest == nights.size()) latest = i;
  }
  std::reverse(accepted.begin(), accepted.end());
  question.accepted = accepted;
  question.value = fresh.value;
  if (latest < nights.size()) question.previous = nights[latest].state;

  JudgedNight judged{judge_night(question, rules, metric, cpu), nights.size()};
  fresh.state = judged.answer.state;
  if (judged.answer.accepts_previous || judged.answer.rejects_previous) {
    judged.decided = latest;
    nights[latest].state = judged.answer.accepts_previous ? NightState::kAccepted : NightState::kRejected;
  }
  return judged;
}

}  // namespace qbench::compare
