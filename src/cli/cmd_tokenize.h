#pragma once

#include "cli/command.h"

namespace qbench::cli {

/// `qbench tokenize`: text to token ids and back.
Command add_tokenize(CLI::App& root);

}  // namespace qbench::cli
