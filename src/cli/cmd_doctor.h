#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench doctor`: what this machine is, can do, and what will disturb a measurement.
Command add_doctor(CLI::App& root);

}  // namespace qbench::cli
