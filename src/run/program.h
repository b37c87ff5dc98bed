#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "run/process.h"

namespace qbench::run {

/// Runs a program to its end. Its standard input is empty, its standard output is dropped, of its standard error the last line is kept. It has a
/// process group of its own, so that Ctrl-C reaches only this process, and dies with it. With an InterruptGuard alive, a signal ends it: SIGTERM
/// first, SIGKILL on a second signal or after ten seconds. Error{kIo} when it cannot be started, with the system's reason.
ProcessEnd run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments, const std::vector<std::string>& environment);

}  // namespace qbench::run
