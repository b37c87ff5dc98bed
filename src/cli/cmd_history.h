#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench history add|list|trend|changes|export|import|rebaseline|remove`: nights in one file.
Command add_history(CLI::App& root);

}  // namespace qbench::cli
