#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench render`: a chat template applied to variables.
Command add_render(CLI::App& root);

}  // namespace qbench::cli
