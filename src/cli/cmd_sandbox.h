#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench sandbox selftest`: attacks on the sandbox that generated code runs in.
Command add_sandbox(CLI::App& root);

}  // namespace qbench::cli
