#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench generate`: one completion.
Command add_generate(CLI::App& root);

}  // namespace qbench::cli
