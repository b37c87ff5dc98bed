#include "workload/cells.h"

#include "base/check.h"

namespace qbench::workload {
namespace {

Cell make_cell(std::size_t model, std::size_t prompt_index, const Prompt& prompt, Pass pass, const EffectiveSettings& settings) {
  Cell cell;
  cell.model_index = model;
  cell.prompt_index = prompt_index;
  cell.prompt_id = prompt.id;
  cell.pass = pass;
  // The text pass shows what the model wrote; a second one with the same seed would write the same.
  cell.repetitions = pass == Pass::kSpeed ? settings.repetitions : 1;
  cell.warmup = pass == Pass::kSpeed ? settings.warmup : 0;
  cell.settings = settings;
  return cell;
}

}  // namespace

std::string Cell::key() const { return prompt_id + "/" + std::string(name_of(pass)); }

EffectiveSettings settings_for(const Prompt& prompt, const Settings& profile, const Settings& command_line) {
  return effective(overlay(overlay(prompt.settings, profile), command_line));
}

std::vector<Cell> make_cells(std::size_t models, const Suite& suite, const Settings& profile, const Settings& command_line) {
  std::vector<EffectiveSettings> settings;
  settings.reserve(suite.prompts.size());
  for (const Prompt& prompt : suite.prompts) settings.push_back(settings_for(prompt, profile, command_line));
  std::vector<Cell> cells;
  for (std::size_t model = 0; model < models; ++model) {
    for (const Pass pass : {Pass::kSpeed, Pass::kText}) {
      for (std::size_t i = 0; i < suite.prompts.size(); ++i) {
        const PassChoice other = pass == Pass::kSpeed ? PassChoice::kText : PassChoice::kSpeed;
        if (settings[i].pass != other) cells.push_back(make_cell(model, i, suite.prompts[i], pass, settings[i]));
      }
    }
  }
  return cells;
}

}  // namespace qbench::workload
