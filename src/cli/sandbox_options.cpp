#include "cli/sandbox_options.h"

#include <CLI/CLI.hpp>

namespace qbench::cli {

void add_sandbox_options(CLI::App& command, SandboxOptions& options) {
  command.add_option("--sandbox", options.level,
                     "What holds generated code: bwrap+cgroup, bwrap, or rlimits (limits and filter only, needs --unsafe). Default: the "
                     "best that this machine "
                     "offers, rlimits never");
  command.add_flag("--unsafe", options.unsafe, "Allow --sandbox=rlimits, which leaves this machine's files open to the code");
}

sandbox::Options sandbox_options(const SandboxOptions& options) { return sandbox::options_of(options.level, options.unsafe); }

}  // namespace qbench::cli
