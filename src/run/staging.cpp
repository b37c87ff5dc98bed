#include "run/staging.h"

#include <fmt/format.h>

#include <algorithm>

#include "workload/thinking.h"

namespace qbench::run {
namespace {

constexpr std::int64_t kLeastTokens = 16;
constexpr std::int64_t kSpareShare = 16;  // of the context, for answers that are encoded anew in later stages

}  // namespace

void add_stages(PlannedCell& planned, const workload::Prompt& prompt, std::vector<std::string>& notes) {
  const workload::EffectiveSettings& settings = planned.cell.settings;
  if (!settings.stages || planned.cell.pass != workload::Pass::kText) return;
  if (prompt.turns.size() > 1) {
    notes.push_back(fmt::format("{} has several turns of its own: it is not asked in stages", prompt.id));
    return;
  }
  const workload::ThinkingTexts texts = workload::load_thinking_texts();
  planned.staged = workload::staged_prompt(prompt, settings.thinking_stages.empty() ? texts.stages : settings.thinking_stages, texts);
}

void fit_stages(ModelPlan& model) {
  double lowest = 1.0;
  for (PlannedCell& planned : model.cells) {
    if (!planned.staged) continue;
    const std::int64_t& last = planned.staged->turns.back().stage->max_tokens;
    const std::int64_t repair_words = planned.repair_tokens > 0 ? planned.repair_tokens - last : 0;
    const std::int64_t room = model.context - model.context / kSpareShare - planned.prompt_tokens - repair_words;
    const std::int64_t answers = planned.answer_tokens() + planned.repair_tokens - repair_words;
    const double ratio = static_cast<double>(std::max<std::int64_t>(room, 0)) / static_cast<double>(answers);
    if (ratio >= 1.0) continue;
    lowest = std::min(lowest, ratio);
    for (workload::Turn& turn : planned.staged->turns) {
      std::int64_t& tokens = turn.stage->max_tokens;
      tokens = std::min(tokens, std::max(kLeastTokens, static_cast<std::int64_t>(static_cast<double>(tokens) * ratio)));
    }
    if (planned.repair_tokens > 0) planned.repair_tokens = repair_words + last;
  }
  if (lowest < 1.0)
    model.notes.push_back(fmt::format("the context holds {} positions: stages are shortened, at most to {:.0f} % of their max_tokens", model.context, 100 * lowest));
}

void note_replaced_settings(ModelPlan& model, const workload::Settings& command_line) {
  const auto is_staged = [](const PlannedCell& planned) { return planned.staged.has_value(); };
  if (std::none_of(model.cells.begin(), model.cells.end(), is_staged)) return;
  std::vector<const char*> given;
  if (command_line.max_new_tokens) given.push_back("--max-new-tokens");
  if (command_line.temperature) given.push_back("--temperature");
  if (command_line.thinking_temperature) given.push_back("--thinking-temperature");
  if (command_line.output_temperature) given.push_back("--output-temperature");
  if (given.empty()) return;
  model.notes.push_back(fmt::format("each stage has tokens and a temperature of its own: no effect on stages: {}", fmt::join(given, ", ")));
}

}  // namespace qbench::run
