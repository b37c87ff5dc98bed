#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/model_options.h"
#include "cli/prompt_inputs.h"

namespace qbench::cli {

struct AttributionRequest {
  std::optional<std::string>
      answer;  ///< a file with the answer, or the folder of a run that answered the prompt; nothing: generated greedily now
  std::int64_t random_spans = 16;
  std::uint64_t seed = 1;
  bool json = false;
};

/// `qbench prompts --attribution`: says what it will take, measures, prints. Returns the exit code.
int run_attribution(const AttributionRequest& request, const ModelOptions& model, const NamedPrompt& prompt, Invocation& invocation);

}  // namespace qbench::cli
