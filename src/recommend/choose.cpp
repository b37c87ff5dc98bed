#include "recommend/choose.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>

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

/// Half a success is added in a whole attempt, so that a candidate that passed nothing does not need infinitely long.
double chance(double success_ratio, std::int64_t tasks) {
  const double n = static_cast<double>(tasks);
  return (success_ratio * n + 0.5) / (n + 1);
}

struct Values {
  std::optional<double> success, quality, e2e_ms;
  std::int64_t tasks = 0;
};

Score score(Preference preference, const Values& values, bool judged) {
  const double time = values.e2e_ms.value_or(kNever);
  const double success = values.success ? chance(*values.success, values.tasks) : 0;
  if (preference == Preference::kSpeed || !judged) return {time, -success, 0};
  if (!values.success) return {kNever, 0, time};
  if (preference == Preference::kQuality) return {-success, -values.quality.value_or(0), time};
  return {time / success, -success, 0};
}

Values values_of(const Prediction& prediction) {
  return {prediction.value(Quantity::kSuccessRatio), prediction.value(Quantity::kQualityScore), prediction.value(Quantity::kE2eMs),
          prediction.success_ratio ? prediction.success_ratio->n : 0};
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

std::vector<std::string> violations(const Prediction& prediction, const std::vector<Constraint>& constraints) {
  std::vector<std::string> out;
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

/// How often each candidate comes first when sessions and tasks are drawn again.
std::vector<double> win_ratios(const Predictions& predictions, const std::vector<Constraint>& constraints, Preference preference,
                               bool judged) {
  std::vector<double> wins(predictions.of.size(), 0.0);
  for (const std::vector<Draw>& draws : predictions.draws) {
    std::optional<std::size_t> best;
    Score best_score;
    for (std::size_t c = 0; c < draws.size(); ++c) {
      const Prediction& prediction = predictions.of[c];
      const bool holds = std::all_of(constraints.begin(), constraints.end(), [&](const Constraint& constraint) {
        const auto value = value_of(draws[c], prediction, constraint.quantity);
        return value && constraint.holds(*value);
      });
      if (!holds) continue;
      const Score own =
          score(preference, {draws[c].success_ratio, draws[c].quality_score, draws[c].e2e_ms, values_of(prediction).tasks}, judged);
      if (!best || own < best_score) {
        best = c;
        best_score = own;
      }
    }
    if (best) wins[*best] += 1;
  }
  for (double& win : wins) win /= static_cast<double>(std::max<std::size_t>(predictions.draws.size(), 1));
  return wins;
}

std::string with_interval(Quantity quantity, const Estimate& estimate) {
  return fmt::format("{} ({} to {}, n = {})", quantity_text(quantity, estimate.value), quantity_text(quantity, estimate.low),
                     quantity_text(quantity, estimate.high), estimate.n);
}

/// The first against the second, quantity by quantity.
void add_contrast(const Prediction& first, const Prediction& second, const std::string& name, std::vector<std::string>& reasons) {
  if (first.success_ratio && second.success_ratio)
    reasons.push_back(fmt::format("passes {} of like tasks, {} {}", quantity_text(Quantity::kSuccessRatio, first.success_ratio->value),
                                  name, quantity_text(Quantity::kSuccessRatio, second.success_ratio->value)));
  if (first.e2e_ms && second.e2e_ms && second.e2e_ms->value > 0)
    reasons.push_back(fmt::format("takes {:.2f} times as long as {}", first.e2e_ms->value / second.e2e_ms->value, name));
}

void add_reasons(const Evidence& evidence, const Predictions& predictions, Preference preference, bool judged, Choice& choice) {
  const Ranked& first = choice.ranked.front();
  const Prediction& prediction = predictions.of[first.candidate];
  if (!first.violated.empty()) {
    for (const Ranked& one : choice.ranked) {
      std::string broken;
      for (const std::string& text : one.violated) broken += (broken.empty() ? "" : "; ") + text;
      choice.reasons.push_back(fmt::format("{} breaks {}", evidence.candidates[one.candidate].name(), broken));
    }
    return;
  }
  choice.confidence = first.win_ratio;
  if (judged && prediction.success_ratio && prediction.success_ratio->value > 0 && prediction.e2e_ms && preference == Preference::kBalanced)
    choice.reasons.push_back(fmt::format(
        "least time to working code: {} of attempts that pass in {}",
        quantity_text(Quantity::kE2eMs, prediction.e2e_ms->value / chance(prediction.success_ratio->value, prediction.success_ratio->n)),
        quantity_text(Quantity::kSuccessRatio, prediction.success_ratio->value)));
  if (prediction.e2e_ms) choice.reasons.push_back("answers in " + with_interval(Quantity::kE2eMs, *prediction.e2e_ms));
  if (choice.ranked.size() > 1) {
    const Ranked& second = choice.ranked[1];
    add_contrast(prediction, predictions.of[second.candidate], evidence.candidates[second.candidate].name(), choice.reasons);
  }
  for (std::size_t i = 1; i < choice.ranked.size(); ++i) {
    for (const std::string& broken : choice.ranked[i].violated)
      choice.reasons.push_back(fmt::format("{} breaks {}", evidence.candidates[choice.ranked[i].candidate].name(), broken));
  }
}

void add_caveats(const Evidence& evidence, const Predictions& predictions, bool judged, Choice& choice) {
  if (!judged) choice.caveats.emplace_back("no result has judged tasks, so the choice is by speed alone: run a task suite with --score");
  const Ranked& first = choice.ranked.front();
  const Candidate& candidate = evidence.candidates[first.candidate];
  const Prediction& prediction = predictions.of[first.candidate];
  if (prediction.success_ratio && prediction.success_ratio->value == 0)
    choice.caveats.emplace_back(
        "it passed no task: it is the first of those measured, and no reason to expect that it works; measure other models");
  if (prediction.success_ratio && prediction.success_ratio->n < kFewTasks)
    choice.caveats.push_back(fmt::format("success is over {} tasks only", prediction.success_ratio->n));
  if (judged && prediction.success_ratio && !prediction.success_of_like_tasks)
    choice.caveats.emplace_back("success is over all tasks: fewer than 10 are of like complexity");
  if (!prediction.prompt_tokens_measured) choice.caveats.emplace_back("the prompt's tokens are an estimate: no result holds this prompt");
  if (prediction.context_tokens && candidate.context && *prediction.context_tokens > *candidate.context)
    choice.caveats.push_back(fmt::format("needs up to {:.0f} positions; the largest context measured is {:.0f}", *prediction.context_tokens,
                                         *candidate.context));
  if (candidate.failed_rows > 0) choice.caveats.push_back(fmt::format("{} of its rows failed", candidate.failed_rows));
  if (choice.confidence && *choice.confidence < kSureRatio)
    choice.caveats.push_back(
        fmt::format("it wins in {:.0f} % of the resamples only: more sessions (--sessions) or tasks would tell", *choice.confidence * 100));
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
  const bool judged =
      std::any_of(predictions.of.begin(), predictions.of.end(), [](const Prediction& one) { return one.success_ratio.has_value(); });
  const std::vector<double> wins = win_ratios(predictions, constraints, preference, judged);
  for (std::size_t c = 0; c < predictions.of.size(); ++c) choice.ranked.push_back({c, violations(predictions.of[c], constraints), wins[c]});
  std::stable_sort(choice.ranked.begin(), choice.ranked.end(), [&](const Ranked& a, const Ranked& b) {
    const auto order = [&](const Ranked& one) {
      return std::tuple(one.violated.size(), score(preference, values_of(predictions.of[one.candidate]), judged));
    };
    return order(a) < order(b);
  });
  add_reasons(evidence, predictions, preference, judged, choice);
  add_caveats(evidence, predictions, judged, choice);
  return choice;
}

}  // namespace qbench::recommend
