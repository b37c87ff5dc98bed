#include "run/score_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/plural.h"
#include "sandbox/sandbox.h"

namespace qbench::run {
namespace {

std::int64_t count_tasks(const RunPlan& plan) {
  return std::count_if(plan.suite.prompts.begin(), plan.suite.prompts.end(),
                       [](const workload::Prompt& prompt) { return prompt.task.has_value(); });
}

/// Whether two answers of the cell can differ: something is drawn, in a thought, behind it or in a stage.
bool draws(const PlannedCell& planned) {
  const workload::EffectiveSettings& settings = planned.cell.settings;
  if (planned.staged)
    return std::any_of(planned.staged->turns.begin(), planned.staged->turns.end(),
                       [](const workload::Turn& turn) { return turn.stage->temperature > 0; });
  return std::max(settings.thinking_temperature.value_or(settings.temperature),
                  settings.output_temperature.value_or(settings.temperature)) > 0;
}

[[noreturn]] void refuse(const std::string& why, const char* option) { throw Error(ErrorCode::kUsage, why, option); }

void check_samples(const RunPlan& plan) {
  const ScoreOptions& options = plan.options.scoring;
  if (options.k.back() > options.n_samples)
    refuse(fmt::format("pass@{} needs {} answers to each task and there {} {}; add --n-samples {}", options.k.back(), options.k.back(),
                       options.n_samples == 1 ? "is" : "are", options.n_samples, options.k.back()),
           "--k");
  if (options.n_samples == 1) return;
  for (const ModelPlan& model : plan.models) {
    for (const PlannedCell& planned : model.cells) {
      if (planned.cell.pass != workload::Pass::kText || draws(planned)) continue;
      refuse(
          fmt::format(
              "prompt '{}' runs at temperature 0: its {} answers would all be the same; set --temperature above 0 or leave --n-samples out",
              planned.cell.prompt_id, options.n_samples),
          "--n-samples");
    }
  }
}

}  // namespace

void check_scoring(RunPlan& plan) {
  bool any_text = false;
  for (const ModelPlan& model : plan.models) {
    if (model.ref && model.ref->synthetic())
      refuse(fmt::format("{} has synthetic weights, and what those write means nothing; leave out the model or --score", model.label),
             "--score");
    for (const PlannedCell& planned : model.cells) any_text = any_text || planned.cell.pass == workload::Pass::kText;
  }
  if (!any_text) refuse("judges what the text pass writes, and this run has none (--pass speed); run --pass text or both", "--score");
  check_samples(plan);
  plan.sandbox_level = sandbox::name_of(sandbox::Sandbox::open(sandbox_options(plan.options.scoring))->level());
  for (ModelPlan& model : plan.models) {
    const bool no_text = std::any_of(model.notes.begin(), model.notes.end(),
                                     [](const std::string& note) { return note.starts_with("there is no tokenizer: prompts"); });
    if (no_text) model.notes.push_back("there is no tokenizer: its answers have no text, so each is judged as empty");
  }
}

std::string describe_scoring(const RunPlan& plan) {
  const ScoreOptions& options = plan.options.scoring;
  const std::int64_t tasks = count_tasks(plan);
  std::string text;
  if (tasks == 0) {
    text = fmt::format("scoring: suite {} has no tasks, nothing is judged; sandbox {}\n", plan.suite.name, plan.sandbox_level);
  } else {
    std::string ks;
    for (const std::int64_t k : options.k) ks += fmt::format("{}pass@{}", ks.empty() ? "" : ", ", k);
    text = fmt::format("scoring: {}, {} to each, {}; sandbox {}\n", plural(tasks, "task"), plural(options.n_samples, "answer"), ks,
                       plan.sandbox_level);
    if (options.max_iterations > 1)
      text += fmt::format("  an answer that fails gets its error back, up to {} attempts\n", options.max_iterations);
    for (const workload::Prompt& prompt : plan.suite.prompts)
      if (prompt.task) text += fmt::format("  {}: {}, {}\n", prompt.id, prompt.task->id, prompt.task->language);
  }
  text += "  each prompt's first answer is rated\n";
  if (options.relevance) text += "  each prompt's first answer is ranked among 20 other prompts (response relevance)\n";
  if (options.attribution) text += "  each prompt's first answer is scored with each part of the prompt left out (context efficiency)\n";
  return text;
}

}  // namespace qbench::run
