#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workload/suite.h"

namespace qbench::workload {

/// What is said to models that think, beside their prompts: configs/thinking.json.
struct ThinkingTexts {
  std::string closing;                                          ///< ends a thought whose budget is used up, </think> included
  std::vector<std::pair<std::string, std::string>> closing_of;  ///< part of a model's name in lower case, and that model's own text
  std::vector<ThinkingStage> stages;                            ///< the pipeline where none is given
  std::vector<std::pair<std::string, std::string>> instructions;  ///< by stage; {branch} and {branches} are replaced

  /// The text of the longest name part that the model's name has, else the common one.
  const std::string& closing_for(std::string_view model_name) const;
};

/// Error{kConfig} naming file and key.
ThinkingTexts load_thinking_texts();

/// The prompt as a pipeline: one turn for each request of each stage, the task in the first one's text. The prompt has one turn.
/// Error{kConfig} for a stage without an instruction.
Prompt staged_prompt(const Prompt& prompt, const std::vector<ThinkingStage>& stages, const ThinkingTexts& texts);

/// Whether the request of `turn` is sent with what `earlier` asked and got (both from 1): all turns before it, but no other branch of its
/// own stage.
bool sees_turn(const Prompt& prompt, std::int64_t turn, std::int64_t earlier);

/// "deep_exploration 2/3", "synthesis"; empty for a turn that is no stage.
std::string stage_label(const Turn& turn);

/// A list of stages of a JSON file; what was expected where it is none, else empty.
std::string read_stages(const nlohmann::json& value, std::vector<ThinkingStage>& stages);
/// What is wrong with their numbers; empty: nothing.
std::string stages_problem(const std::vector<ThinkingStage>& stages);
nlohmann::ordered_json stages_json(const std::vector<ThinkingStage>& stages);

}  // namespace qbench::workload
