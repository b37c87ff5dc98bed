#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/model_options.h"
#include "cli/sandbox_options.h"

namespace qbench::cli {

struct PromptAbRequest {
  std::vector<std::string> files;  ///< A and B
  std::string tasks;               ///< a suite with tasks, or NAME#ID,ID
  std::int64_t samples = 1;        ///< of each task and prompt
  SandboxOptions sandbox;
  bool json = false;
};

/// `qbench prompts --prompt-ab A B`: answers each task with either prompt, judges and compares. `{task}` in a prompt is the task's own
/// text; without it the file is the whole prompt, and there must be one task. Sampling comes from `model.engine`. Returns the exit code.
int run_prompt_ab(const PromptAbRequest& request, const ModelOptions& model, Invocation& invocation);

}  // namespace qbench::cli
