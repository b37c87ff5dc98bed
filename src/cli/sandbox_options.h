#pragma once

#include <string>

#include "sandbox/sandbox.h"

namespace CLI {
class App;
}

namespace qbench::cli {

/// --sandbox and --unsafe, of every command that runs generated code.
struct SandboxOptions {
  std::string level;
  bool unsafe = false;
};
void add_sandbox_options(CLI::App& command, SandboxOptions& options);

/// Errors are sandbox::options_of's.
sandbox::Options sandbox_options(const SandboxOptions& options);

}  // namespace qbench::cli
