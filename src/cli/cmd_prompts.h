#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench prompts`: what a prompt costs and carries; --attribution and --prompt-ab measure it with a model.
Command add_prompts(CLI::App& root);

}  // namespace qbench::cli
