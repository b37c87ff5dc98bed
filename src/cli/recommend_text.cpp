#include "cli/recommend_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/plural.h"
#include "recommend/prediction_json.h"
#include "report/comparison_text.h"
#include "report/terminal_table.h"
#include "report/text.h"

namespace qbench::cli {
namespace {

using nlohmann::ordered_json;
using recommend::Quantity;

std::string bold(const std::string& text, const TextStyle& style) { return style.color ? "\x1b[1m" + text + "\x1b[0m" : text; }

std::string left(std::string_view text, std::size_t width) {
  const std::string fitted = report::fit_width(report::printable(text), width);
  return fitted + std::string(width - std::min(width, report::display_width(fitted)), ' ');
}

std::string complexity_text(const TaskAnswer& answer, const TextStyle& style) {
  const auto& complexity = answer.needs.complexity;
  const recommend::ComplexityCheck& check = answer.check;
  std::string out = bold(fmt::format("Complexity {:.1f} of 10", complexity.score), style) + "\n";
  const auto worth = [](const std::optional<double>& correlation, std::int64_t tasks) {
    if (correlation) return fmt::format("{:+.2f} over {}", *correlation, plural(tasks, "task"));
    return fmt::format("unknown, {}{}", plural(tasks, "task"), tasks >= 3 ? " all alike" : "");
  };
  std::string text = "Its rank correlation with measured failures: " + worth(check.correlation, check.tasks);
  if (check.interval) text += fmt::format(" (95 % interval {:+.2f} to {:+.2f})", check.interval->low, check.interval->high);
  for (const auto& suite : check.suites) text += fmt::format("; within {} {}", suite.suite, worth(suite.correlation, suite.tasks));
  out += report::wrapped(report::printable(text), "  ", style.width);
  for (const auto& part : complexity.parts)
    out += fmt::format("  {} {:>5.0f}  {:+.2f} of {:.1f}  {}\n", left(part.name, 16), part.count, part.points, part.most,
                       report::fit_width(part.counted, style.width - 40));
  return out;
}

/// As a shell takes it for one word.
std::string shell_word(const std::string& text) {
  if (text.find_first_of(" \t\n'\"\\$`!*?[](){}<>|&;~") == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string cell(const std::optional<recommend::Estimate>& estimate, Quantity quantity) {
  return estimate ? recommend::quantity_text(quantity, estimate->value) : "-";
}

std::string range(const std::optional<recommend::Estimate>& estimate, Quantity quantity) {
  if (!estimate) return "-";
  const std::string value = recommend::quantity_text(quantity, estimate->value);
  if (!estimate->low) return fmt::format("{} (n = {}: too few for an interval)", value, estimate->n);
  return fmt::format("{} ({} to {})", value, recommend::quantity_text(quantity, *estimate->low),
                     recommend::quantity_text(quantity, *estimate->high));
}

/// A candidate's name has a line of its own: what tells two of them apart stands at its end.
std::string candidates_text(const TaskAnswer& answer, const TextStyle& style) {
  std::string out =
      "\n" +
      bold(fmt::format("{:<22} {:>9} {:>9} {:>9} {:>9} {:>8} {:>5}", "Model", "success", "time", "ttft", "tokens", "memory", "wins"),
           style) +
      "\n";
  for (const recommend::Ranked& one : answer.choice.ranked) {
    const recommend::Prediction& p = answer.predictions.of[one.candidate];
    const std::string memory = p.memory_bytes ? recommend::quantity_text(Quantity::kVramBytes, *p.memory_bytes) : "-";
    out += report::wrapped(report::printable(answer.evidence.candidates[one.candidate].name()), "  ", style.width);
    out += fmt::format("{:<22} {:>9} {:>9} {:>9} {:>9} {:>8} {:>5}\n", "", cell(p.success_ratio, Quantity::kSuccessRatio),
                       cell(p.e2e_ms, Quantity::kE2eMs), cell(p.ttft_ms, Quantity::kTtftMs),
                       p.output_tokens ? fmt::format("{:.0f}", p.output_tokens->value) : "-", memory,
                       one.can_win ? fmt::format("{:.0f} %", one.win_ratio * 100) : "-");
  }
  return out;
}

std::string chosen_text(const TaskAnswer& answer, const TextStyle& style) {
  const recommend::Choice& choice = answer.choice;
  const recommend::Ranked& first = choice.ranked.front();
  const recommend::Prediction& p = answer.predictions.of[first.candidate];
  std::string out = "\n";
  if (!choice.chosen()) {
    const bool none_holds = std::all_of(choice.ranked.begin(), choice.ranked.end(), [](const auto& one) { return !one.violated.empty(); });
    out += bold(none_holds ? "No candidate fits." : "No choice: what it would be made by was not measured.", style) + "\n";
  } else {
    out += report::wrapped(
        fmt::format("Recommended: {} (confidence {:.0f} %, preference {})", answer.evidence.candidates[first.candidate].name(),
                    *choice.confidence * 100, recommend::name_of(answer.preference)),
        "", style.width);
    out += fmt::format("  success  {}\n  time     {}\n  ttft     {}\n  tokens   {}\n", range(p.success_ratio, Quantity::kSuccessRatio),
                       range(p.e2e_ms, Quantity::kE2eMs), range(p.ttft_ms, Quantity::kTtftMs),
                       range(p.output_tokens, Quantity::kOutputTokens));
    if (p.quality_score) out += fmt::format("  quality  {}\n", range(p.quality_score, Quantity::kQualityScore));
    if (p.context_tokens)
      out += fmt::format("  context  {:.0f} positions: {:.0f} of the prompt{}, the rest the answer's upper end\n", *p.context_tokens,
                         p.prompt_tokens, p.prompt_tokens_measured ? "" : " (estimated)");
  }
  if (!choice.reasons.empty()) out += "Because\n";
  for (const std::string& reason : choice.reasons) out += report::wrapped(reason, "    ", style.width, "  - ");
  if (!choice.caveats.empty()) out += "But\n";
  for (const std::string& caveat : choice.caveats) out += report::wrapped(caveat, "    ", style.width, "  - ");
  return out;
}

/// What to run where nothing was measured.
std::vector<std::string> commands_to_run(const TaskAnswer& answer) {
  return {"qbench run -m MODEL -m MODEL --suite python-tasks --pass text --score",
          fmt::format("qbench run -m MODEL -m MODEL {} {} --sessions 3", answer.of_suite ? "--suite" : "--prompt-file",
                      shell_word(answer.task))};
}

}  // namespace

std::string answer_text(const TaskAnswer& answer, const TextStyle& style) {
  std::string out = complexity_text(answer, style);
  if (answer.evidence.candidates.empty()) {
    out += fmt::format("Context: about {:.0f} tokens of prompt, and the answer.\n\n", answer.needs.prompt_tokens);
    out += "Nothing measured that a choice could follow from. Measure the models that you consider, then ask again:\n";
    for (const std::string& command : commands_to_run(answer)) out += "  " + command + "\n";
    return out;
  }
  return out + candidates_text(answer, style) + chosen_text(answer, style);
}

ordered_json answer_json(const TaskAnswer& answer) {
  ordered_json out{{"task", answer.task}, {"prompt_digest", answer.needs.digest}, {"preference", recommend::name_of(answer.preference)}};
  ordered_json& complexity = out["complexity"] = {{"score", answer.needs.complexity.score}, {"measured_tasks", answer.check.tasks}};
  complexity["rank_correlation_with_failures"] = answer.check.correlation ? ordered_json(*answer.check.correlation) : ordered_json(nullptr);
  if (answer.check.interval) {
    complexity["rank_correlation_low"] = answer.check.interval->low;
    complexity["rank_correlation_high"] = answer.check.interval->high;
  }
  for (const auto& suite : answer.check.suites)
    complexity["suites"].push_back(
        {{"suite", suite.suite},
         {"measured_tasks", suite.tasks},
         {"rank_correlation_with_failures", suite.correlation ? ordered_json(*suite.correlation) : ordered_json(nullptr)}});
  for (const auto& part : answer.needs.complexity.parts)
    complexity["parts"].push_back(
        {{"name", part.name}, {"counted", part.counted}, {"count", part.count}, {"points", part.points}, {"most", part.most}});
  out["candidates"] = ordered_json::array();
  for (const recommend::Ranked& one : answer.choice.ranked) {
    const recommend::Candidate& candidate = answer.evidence.candidates[one.candidate];
    out["candidates"].push_back({{"name", candidate.name()},
                                 {"model", candidate.model},
                                 {"device", candidate.device},
                                 {"machine", candidate.machine},
                                 {"precision", candidate.precision},
                                 {"kv_type", candidate.kv_type},
                                 {"kv_policy", candidate.kv_policy.empty() ? "full" : candidate.kv_policy},
                                 {"threads", candidate.threads},
                                 {"thinking", candidate.thinking},
                                 {"sessions", candidate.sessions()},
                                 {"failed_rows", candidate.failed_rows},
                                 {"can_win", one.can_win},
                                 {"violated", one.violated},
                                 {"win_ratio", one.win_ratio},
                                 {"prediction", recommend::to_json(answer.predictions.of[one.candidate])}});
    if (candidate.context_limit) out["candidates"].back()["context_limit"] = *candidate.context_limit;
  }
  if (answer.choice.chosen()) {
    const recommend::Candidate& first = answer.evidence.candidates[answer.choice.ranked.front().candidate];
    out["choice"] = {{"name", first.name()}, {"model", first.model}, {"confidence", *answer.choice.confidence}};
  } else {
    out["choice"] = nullptr;
  }
  if (answer.evidence.candidates.empty()) out["run"] = commands_to_run(answer);
  out["reasons"] = answer.choice.reasons;
  out["caveats"] = answer.choice.caveats;
  return out;
}

std::string calibration_text(const recommend::Calibration& calibration) {
  std::string out = fmt::format("{} of a task and model; {} by these results.\n", plural(calibration.predictions, "prediction"),
                                plural(calibration.checks, "check"));
  if (calibration.too_late > 0)
    out += fmt::format("Left out, because made when the run had begun that would check it, which proves nothing: {}.\n",
                       plural(calibration.too_late, "prediction"));
  if (calibration.checks == 0 && calibration.too_late == 0)
    out +=
        "These results hold no prompt that was predicted, or not with a model that was. Run the task (--prompt-file FILE, or --suite "
        "SUITE\n"
        "--prompts ID) with the models of the prediction, then check that run.\n";
  if (!calibration.quantities.empty())
    out += fmt::format("\n{:<18} {:>4} {:>21} {:>21}\n", "", "n", "inside 95 % interval", "measured / predicted");
  for (const auto& one : calibration.quantities) {
    const double share = 100.0 * static_cast<double>(one.inside) / static_cast<double>(one.with_interval);
    out += fmt::format("{:<18} {:>4} {:>21} {:>21}\n", one.metric, one.n,
                       one.with_interval > 0 ? fmt::format("{} of {} ({:.0f} %)", one.inside, one.with_interval, share) : "no interval",
                       one.median_ratio ? fmt::format("{:.2f}", *one.median_ratio) : "-");
  }
  if (calibration.brier)
    out += fmt::format("\nSuccess: Brier score {:.3f} (0 is perfect; always saying 50 % gives at most 0.25)\n", *calibration.brier);
  for (const auto& bin : calibration.bins)
    out += fmt::format("  predicted {:>3.0f} to {:>3.0f} %: {:>3.0f} % on average, {:>3.0f} % came true, n = {}\n", bin.low * 100,
                       bin.high * 100, bin.predicted * 100, bin.measured * 100, bin.n);
  if (calibration.choices > 0)
    out += fmt::format("\nChoices: {} of {} were the best of the models that were measured and could have been chosen.\n",
                       calibration.choices_right, calibration.choices);
  return out;
}

ordered_json calibration_json(const recommend::Calibration& calibration) {
  ordered_json out{{"predictions", calibration.predictions}, {"checks", calibration.checks}, {"too_late", calibration.too_late}};
  out["quantities"] = ordered_json::array();
  for (const auto& one : calibration.quantities) {
    out["quantities"].push_back({{"metric", one.metric}, {"n", one.n}, {"with_interval", one.with_interval}, {"inside", one.inside}});
    if (one.median_ratio) out["quantities"].back()["median_ratio"] = *one.median_ratio;
  }
  if (calibration.brier) out["success"]["brier"] = *calibration.brier;
  for (const auto& bin : calibration.bins)
    out["success"]["bins"].push_back(
        {{"low", bin.low}, {"high", bin.high}, {"n", bin.n}, {"predicted", bin.predicted}, {"measured", bin.measured}});
  out["choices"] = {{"n", calibration.choices}, {"right", calibration.choices_right}};
  return out;
}

}  // namespace qbench::cli
