#include "cli/sandbox_options.h"

#include <CLI/CLI.hpp>

#include "base/error.h"

namespace qbench::cli {

void add_sandbox_options(CLI::App& command, SandboxOptions& options) {
  command.add_option("--sandbox", options.level,
                     "What holds generated code: bwrap+cgroup, bwrap, or rlimits (limits and filter only, needs --unsafe). Default: the "
                     "best that this machine "
                     "offers, rlimits never");
  command.add_flag("--unsafe", options.unsafe, "Allow --sandbox=rlimits, which leaves this machine's files open to the code");
}

sandbox::Options sandbox_options(const SandboxOptions& options) {
  if (options.level.empty()) return {.level = std::nullopt, .unsafe = options.unsafe};
  for (const sandbox::Level level : {sandbox::Level::kBwrapCgroup, sandbox::Level::kBwrap, sandbox::Level::kRlimits}) {
    if (options.level == sandbox::name_of(level)) return {.level = level, .unsafe = options.unsafe};
  }
  throw Error(ErrorCode::kUsage, "'" + options.level + "' is no level; there are bwrap+cgroup, bwrap and rlimits", "--sandbox");
}

}  // namespace qbench::cli
