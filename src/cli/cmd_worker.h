#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench worker`: what `qbench run` starts for each model; not listed in --help.
Command add_worker(CLI::App& root);

}  // namespace qbench::cli
