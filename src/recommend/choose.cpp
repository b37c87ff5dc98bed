#include "recommend/choose.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>

#include "base/plural.h"

namespace qbench::recommend {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr std::int64_t kFewTasks = 20;  // Wilson's interval of 20 tasks is up to 42 points wide
constexpr double kSureRatio = 0.8;

struct PreferenceName {
  Preference preference;
  std::string_view name;
};
constexpr std::array<PreferenceName, 3> kPreferences{
    {{Preference::kBalanced, "balanced"}, {Preference::kQuality, "quality"}, {Preference::kSpeed, "speed"}}};

/// What the order is made by; smaller is better, part by part.
using Score = std::tuple<double, double, double>;

/// Half a success is added in a whole attempt, so that a candidate that passed nothing does not need infinitely long. `judged` is one
/// number for all candidates: of its own tasks, a candidate that failed its only one would look better than one that passed 5 of 40.
double chance(double success_ratio, std::int64_t judged) {
  const double n = static_cast<double>(judged);
  return (success_ratio * n + 0.5) / (n + 1);
}

struct Values {
  std::optional<double> success, quality, e2e_ms;
};

/// Whether it has what the preference orders by. `judged` here and below: tasks of the candidate that was judged on most; 0 where none was.
bool is_known(Preference preference, const Values& values, std::int64_t judged) {
  const bool by_success = judged > 0 && preference != Preference::kSpeed, by_time = judged == 0 || preference != Preference::kQuality;
  return (!by_success || values.success) && (!by_time || values.e2e_ms);
}

Score score(Preference preference, const Values& values, std::int64_t judged) {
  const double time = values.e2e_ms.value_or(kNever);
  const double success = values.success ? chance(*values.success, judged) : 0;
  if (preference == Preference::kSpeed || judged == 0) return {time, -success, 0};
  if (!values.success) return {kNever, 0, time};
  if (preference == Preference::kQuality) return {-success, -values.quality.value_or(0), time};
  return {time / success, -success, 0};
}

Values values_of(const Prediction& prediction) {
  return {prediction.value(Quantity::kSuccessRatio), prediction.value(Quantity::kQualityScore), prediction.value(Quantity::kE2eMs)};
}

std::optional<double> value_of(const Draw& draw, const Prediction& prediction, Quantity quantity) {
  switch (quantity) {
    case Quantity::kTtftMs:
      return draw.ttft_ms;
    case Quantity::kE2eMs:
      return draw.e2e_ms;
    case Quantity::kDecodeTokPerS:
      return draw.decode_tok_per_s;
    case Quantity::kOutputTokens:
      return draw.output_tokens;
    case Quantity::kSuccessRatio:
      return draw.success_ratio;
    case Quantity::kQualityScore:
      return draw.quality_score;
    default:
      return prediction.value(quantity);
  }
}

/// Positions that prompt and answer take; the answer's last token takes none. Of an answer of unknown length its first token.
double positions(const Prediction& prediction, const std::optional<double>& output_tokens) {
  return prediction.prompt_tokens + output_tokens.value_or(1) - 1;
}

/// Whether the model's context holds so many; true where it is not known.
bool holds_context(const Candidate& candidate, double needed) { return !candidate.context_limit || needed <= *candidate.context_limit; }

std::vector<std::string> violations(const Candidate& candidate, const Prediction& prediction, const std::vector<Constraint>& constraints) {
  std::vector<std::string> out;
  if (const double needed = positions(prediction, prediction.value(Quantity::kOutputTokens)); !holds_context(candidate, needed))
    out.push_back(fmt::format("the model's context of {:.0f} positions: prompt ({:.0f}{}) and answer need {:.0f}", *candidate.context_limit,
                              prediction.prompt_tokens, prediction.prompt_tokens_measured ? "" : ", estimated", needed));
  for (const Constraint& constraint : constraints) {
    const std::optional<double> value = prediction.value(constraint.quantity);
    if (!value) {
      out.push_back(constraint.text + ": not measured");
    } else if (!constraint.holds(*value)) {
      out.push_back(fmt::format("{}: predicted {}", constraint.text, quantity_text(constraint.quantity, *value)));
    }
  }
  return out;
}

/// How often each candidate comes first when sessions and tasks are drawn again; candidates that come first together share the win.
std::vector<double> win_ratios(const Evidence& evidence, const Predictions& predictions, const std::vector<Constraint>& constraints,
                               Preference preference, std::int64_t judged) {
  std::vector<double> wins(predictions.of.size(), 0.0);
  for (const std::vector<Draw>& draws : predictions.draws) {
    std::vector<std::size_t> best;
    Score best_score;
    for (std::size_t c = 0; c < draws.size(); ++c) {
      const Prediction& prediction = predictions.of[c];
      const bool holds = std::all_of(constraints.begin(), constraints.end(), [&](const Constraint& constraint) {
        const auto value = value_of(draws[c], prediction, constraint.quantity);
        return value && constraint.holds(*value);
      });
      const Values values{draws[c].success_ratio, draws[c].quality_score, draws[c].e2e_ms};
      if (!holds || !holds_context(evidence.candidates[c], positions(prediction, draws[c].output_tokens))) continue;
      if (!is_known(preference, values, judged)) continue;
      const Score own = score(preference, values, judged);
      if (best.empty() || own < best_score) {
        best = {c};
        best_score = own;
      } else if (own == best_score) {
        best.push_back(c);
      }
    }
    for (const std::size_t c : best) wins[c] += 1 / static_cast<double>(best.size());
  }
  for (double& win : wins) win /= static_cast<double>(std::max<std::size_t>(predictions.draws.size(), 1));
  return wins;
}

std::string with_interval(Quantity quantity, const Estimate& estimate) {
  const std::string range =
      estimate.low ? fmt::format("{} to {}, ", quantity_text(quantity, *estimate.low), quantity_text(quantity, *estimate.high)) : "";
  return fmt::format("{} ({}n = {})", quantity_text(quantity, estimate.value), range, estimate.n);
}

/// What is asked and what came of it, for the texts.
struct Question {
  const Evidence& evidence;
  const Predictions& predictions;
  Preference preference;
  std::int64_t judged;  ///< tasks of the candidate that was judged on most

  const Prediction& prediction(const Ranked& one) const { return predictions.of[one.candidate]; }
  std::string name(const Ranked& one) const { return evidence.candidates[one.candidate].name(); }
  bool is_known(const Ranked& one) const { return recommend::is_known(preference, values_of(prediction(one)), judged); }
  Score score(const Ranked& one) const { return recommend::score(preference, values_of(prediction(one)), judged); }
};

/// The first against the second, quantity by quantity.
void add_contrast(const Question& question, const Ranked& one, const Ranked& two, std::vector<std::string>& reasons) {
  const Prediction &first = question.prediction(one), &second = question.prediction(two);
  const std::string name = question.name(two);
  if (first.success_ratio && second.success_ratio)
    reasons.push_back(fmt::format("passes {} of {}, {} {}", quantity_text(Quantity::kSuccessRatio, first.success_ratio->value),
                                  first.success_of_like_tasks ? "tasks like it" : "the judged tasks", name,
                                  quantity_text(Quantity::kSuccessRatio, second.success_ratio->value)));
  if (first.e2e_ms && second.e2e_ms && second.e2e_ms->value > 0)
    reasons.push_back(fmt::format("takes {:.2f} times as long as {}", first.e2e_ms->value / second.e2e_ms->value, name));
}

/// Why a candidate cannot be the choice: what it breaks, or what of it is not known.
void add_obstacles(const Question& question, const Ranked& one, std::vector<std::string>& reasons) {
  const Candidate& candidate = question.evidence.candidates[one.candidate];
  if (!candidate.measured()) {
    reasons.push_back(fmt::format("{}: all its rows failed ({}): {}", question.name(one), candidate.failed_rows, candidate.failure));
    return;
  }
  std::string broken;
  for (const std::string& text : one.violated) broken += (broken.empty() ? "" : "; ") + text;
  if (!broken.empty()) reasons.push_back(fmt::format("{} breaks {}", question.name(one), broken));
  if (question.is_known(one)) return;
  const bool no_time = !question.prediction(one).e2e_ms;
  reasons.push_back(fmt::format(
      "{}: {}", question.name(one),
      no_time ? "its time is unknown: no row has both a time to the first token and the length of an answer" : "no task was judged"));
}

void add_reasons(const Question& question, Choice& choice) {
  const Ranked& first = choice.ranked.front();
  const Prediction& prediction = question.prediction(first);
  if (!first.can_win) {
    for (const Ranked& one : choice.ranked) add_obstacles(question, one, choice.reasons);
    return;
  }
  choice.confidence = first.win_ratio;
  if (question.judged > 0 && prediction.success_ratio && prediction.success_ratio->value > 0 && prediction.e2e_ms &&
      question.preference == Preference::kBalanced)
    choice.reasons.push_back(
        fmt::format("least time to working code: {}, the time of all attempts until one passes, which {} do",
                    quantity_text(Quantity::kE2eMs, prediction.e2e_ms->value / chance(prediction.success_ratio->value, question.judged)),
                    quantity_text(Quantity::kSuccessRatio, prediction.success_ratio->value)));
  if (prediction.e2e_ms) choice.reasons.push_back("answers in " + with_interval(Quantity::kE2eMs, *prediction.e2e_ms));
  if (choice.ranked.size() > 1 && choice.ranked[1].can_win) add_contrast(question, first, choice.ranked[1], choice.reasons);
  for (std::size_t i = 1; i < choice.ranked.size(); ++i) {
    if (!choice.ranked[i].can_win) add_obstacles(question, choice.ranked[i], choice.reasons);
  }
}

/// What the confidence does not hold.
void add_doubts(const Question& question, Choice& choice) {
  const Ranked& first = choice.ranked.front();
  const auto rivals = std::count_if(choice.ranked.begin(), choice.ranked.end(), [&](const Ranked& one) { return one.can_win; });
  if (rivals == 1) choice.caveats.emplace_back("nothing else measured can be chosen, so the confidence says nothing: measure other models");
  if (rivals > 1 && question.score(first) == question.score(choice.ranked[1]))
    choice.caveats.push_back(fmt::format("{} is as good by all that was measured", question.name(choice.ranked[1])));
  if (rivals > 1 && question.preference != Preference::kSpeed && !question.prediction(first).success_of_same_tasks)
    choice.caveats.emplace_back(
        "the models were not all judged on the same tasks, and fewer than 10 are common to all: compare success with care");
  const auto& time = question.prediction(first).e2e_ms;
  if (time && !time->low)
    choice.caveats.push_back(fmt::format("its time is of {}: of so few, no resample differs", plural(time->n, "request")));
  if (question.evidence.candidates[first.candidate].sessions() <= 1)
    choice.caveats.emplace_back(
        "its speed is of one session: how much sessions differ is in neither intervals nor confidence (run --sessions 3 tells)");
  if (*choice.confidence < kSureRatio) {
    const auto rival = std::max_element(choice.ranked.begin() + 1, choice.ranked.end(),
                                        [](const Ranked& a, const Ranked& b) { return a.win_ratio < b.win_ratio; });
    const bool is_rival = rival != choice.ranked.end() && rival->win_ratio > 0;
    choice.caveats.push_back(fmt::format("it wins in {:.0f} % of the resamples only{}: more sessions (--sessions) or tasks would tell",
                                         *choice.confidence * 100,
                                         is_rival ? fmt::format(", {} in {:.0f} %", question.name(*rival), rival->win_ratio * 100) : ""));
  }
}

/// What is not known, or not measured, of the positions that the task takes.
void add_context_doubt(const Candidate& candidate, const Prediction& prediction, Choice& choice) {
  const double most = prediction.context_tokens.value_or(positions(prediction, std::nullopt));
  const auto& limit = candidate.context_limit;
  if (limit && most > *limit) {
    choice.caveats.push_back(
        fmt::format("a long answer would be cut off: it needs up to {:.0f} positions, and the model holds {:.0f}", most, *limit));
  } else if (candidate.context && most > *candidate.context) {
    choice.caveats.push_back(fmt::format("needs up to {:.0f} positions; the largest context measured is {:.0f}{}", most, *candidate.context,
                                         limit ? "" : ", and no result says how many the model holds"));
  } else if (!candidate.context && !limit) {
    choice.caveats.push_back(fmt::format("needs up to {:.0f} positions; no result says how many the model holds", most));
  }
}

/// Whether half of the answers went on to the most tokens that they were allowed.
bool are_cut_off(const std::vector<OutputPoint>& outputs) {
  const auto cut =
      std::count_if(outputs.begin(), outputs.end(), [](const OutputPoint& one) { return one.most && one.tokens >= *one.most; });
  return cut > 0 && 2 * static_cast<std::size_t>(cut) >= outputs.size();
}

/// The prompt lies beyond the lengths that the line of its TTFT was measured at.
void add_length_doubt(const Candidate& candidate, const Prediction& prediction, Choice& choice) {
  constexpr double kNear = 1.25;  // a quarter more or less is no other length
  if (candidate.speed.empty()) return;
  const auto [least, most] =
      std::minmax_element(candidate.speed.begin(), candidate.speed.end(),
                          [](const SpeedPoint& a, const SpeedPoint& b) { return a.prompt_tokens < b.prompt_tokens; });
  if (prediction.prompt_tokens * kNear >= least->prompt_tokens && prediction.prompt_tokens <= most->prompt_tokens * kNear) return;
  choice.caveats.push_back(fmt::format("its TTFT is extrapolated: the prompt has {:.0f} tokens, those measured {:.0f} to {:.0f}",
                                       prediction.prompt_tokens, least->prompt_tokens, most->prompt_tokens));
}

/// What the numbers of the choice do not carry.
void add_limits(const Candidate& candidate, const Prediction& prediction, Choice& choice) {
  if (prediction.success_ratio && prediction.success_ratio->value == 0)
    choice.caveats.emplace_back(
        "it passed no task: it is the first of those measured, and no reason to expect that it works; measure other models");
  if (prediction.success_ratio && prediction.success_ratio->n < kFewTasks)
    choice.caveats.push_back(fmt::format("success is over {} only", plural(prediction.success_ratio->n, "task")));
  if (prediction.success_ratio && !prediction.success_of_like_tasks)
    choice.caveats.emplace_back("success is over all tasks: fewer than 10 are of like complexity");
  if (are_cut_off(candidate.outputs))
    choice.caveats.emplace_back(
        "half of its answers or more ended at the most tokens that they were allowed (--max-new-tokens): longer ones take more time");
  add_length_doubt(candidate, prediction, choice);
  add_context_doubt(candidate, prediction, choice);
  if (candidate.samplings.size() > 1)
    choice.caveats.push_back(fmt::format("its answers were written with {} different sampling settings", candidate.samplings.size()));
  if (candidate.weights.size() > 1)
    choice.caveats.push_back(
        fmt::format("its results are of {} models of that name, with different weights: leave those out that you do not mean (--results)",
                    candidate.weights.size()));
  if (candidate.failed_rows > 0)
    choice.caveats.push_back(fmt::format("{} of its rows failed: {}", candidate.failed_rows, candidate.failure));
}

void add_caveats(const Question& question, Choice& choice) {
  if (question.judged == 0)
    choice.caveats.emplace_back("no result has judged tasks, so the choice is by speed alone: run a task suite with --score");
  const Ranked& first = choice.ranked.front();
  const Prediction& prediction = question.prediction(first);
  if (!prediction.prompt_tokens_measured) choice.caveats.emplace_back("the prompt's tokens are an estimate: no result holds this prompt");
  if (!choice.chosen()) return;
  add_limits(question.evidence.candidates[first.candidate], prediction, choice);
  add_doubts(question, choice);
}

}  // namespace

std::optional<Preference> preference_from_name(std::string_view name) noexcept {
  for (const PreferenceName& one : kPreferences) {
    if (one.name == name) return one.preference;
  }
  return std::nullopt;
}

std::string_view name_of(Preference preference) noexcept { return kPreferences[static_cast<std::size_t>(preference)].name; }

Choice choose(const Evidence& evidence, const Predictions& predictions, const std::vector<Constraint>& constraints, Preference preference) {
  Choice choice;
  if (evidence.candidates.empty()) return choice;
  std::int64_t judged = 0;
  for (const Prediction& one : predictions.of) judged = std::max(judged, one.success_ratio ? one.success_ratio->n : 0);
  const std::vector<double> wins = win_ratios(evidence, predictions, constraints, preference, judged);
  const Question question{evidence, predictions, preference, judged};
  for (std::size_t c = 0; c < predictions.of.size(); ++c) {
    Ranked& one = choice.ranked.emplace_back(Ranked{c, violations(evidence.candidates[c], predictions.of[c], constraints), false, wins[c]});
    one.can_win = one.violated.empty() && question.is_known(one);
  }
  std::stable_sort(choice.ranked.begin(), choice.ranked.end(), [&](const Ranked& a, const Ranked& b) {
    const auto order = [&](const Ranked& one) { return std::tuple(!one.can_win, one.violated.size(), question.score(one)); };
    return order(a) < order(b);
  });
  add_reasons(question, choice);
  add_caveats(question, choice);
  return choice;
}

}  // namespace qbench::recommend
