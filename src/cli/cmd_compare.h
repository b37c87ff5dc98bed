#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench compare`: two or more results judged, one against its history, or models across devices.
Command add_compare(CLI::App& root);

}  // namespace qbench::cli
