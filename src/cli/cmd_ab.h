#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench ab`: two builds, interleaved.
Command add_ab(CLI::App& root);

}  // namespace qbench::cli
