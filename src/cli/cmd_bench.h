#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench bench`: prefill and decode rates without prompts, comparable line by line with llama-bench.
Command add_bench(CLI::App& root);

}  // namespace qbench::cli
