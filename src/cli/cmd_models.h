#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench models list|inspect|plan`: the catalogue, what a checkpoint holds, and what fits into memory.
Command add_models(CLI::App& root);

}  // namespace qbench::cli
