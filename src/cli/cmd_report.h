#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench report`: renders a run's folder again.
Command add_report(CLI::App& root);

}  // namespace qbench::cli
