#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench perplexity`: how well a model predicts a text, as llama-perplexity measures it or over every token.
Command add_perplexity(CLI::App& root);

}  // namespace qbench::cli
