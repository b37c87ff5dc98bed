#pragma once

#include "workload/settings.h"

namespace CLI {
class App;
}

namespace qbench::cli {

/// Adds the flags that choose tokens: --temperature, --top-k, --top-p, --min-p, the penalties, --no-repeat-ngram, --seed, --max-new-tokens,
/// --ignore-eos, --stop. Ranges are checked by workload::validate.
void add_sampling_options(CLI::App& command, workload::Settings& settings);

/// --thinking and --no-thinking, handed to the chat template as enable_thinking; --max-thinking-tokens, --thinking-timeout,
/// --thinking-temperature, --output-temperature.
void add_thinking_options(CLI::App& command, workload::Settings& settings);

}  // namespace qbench::cli
