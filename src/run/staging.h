#pragma once

#include <string>
#include <vector>

#include "run/plan.h"

namespace qbench::run {

/// Makes the cell's prompt a pipeline of stages where its settings ask for that: text pass, prompts of one turn. A prompt of several turns
/// stays as it is, with a note. Error{kConfig}: those of workload/thinking.h.
void add_stages(PlannedCell& planned, const workload::Prompt& prompt, std::vector<std::string>& notes);

/// Stages have upper limits: where the model's context does not hold prompts and longest answers of all of them, lowers each by the same
/// ratio, with a note. Nothing is lowered below 16 tokens.
void fit_stages(ModelPlan& model);

/// Notes which settings of the command line the stages' own ones replace.
void note_replaced_settings(ModelPlan& model, const workload::Settings& command_line);

}  // namespace qbench::run
