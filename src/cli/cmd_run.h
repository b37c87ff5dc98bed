#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench run`: the main job.
Command add_run(CLI::App& root);

}  // namespace qbench::cli
