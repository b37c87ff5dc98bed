#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench score`: judges answers to a suite's tasks, or the suite's references.
Command add_score(CLI::App& root);

}  // namespace qbench::cli
