#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench recommend`: a model for a task from measured results; earlier predictions against later results.
Command add_recommend(CLI::App& root);

}  // namespace qbench::cli
