#include "cli/cmd_worker.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "cli/devices.h"
#include "run/process.h"
#include "run/worker.h"

namespace qbench::cli {
namespace {

int run() {
  if (::fcntl(run::WorkerProcess::kMessageFd, F_GETFD) < 0)
    throw Error(ErrorCode::kUsage, "is started by `qbench run`, not by hand", "worker");
  return run::run_worker(STDIN_FILENO, run::WorkerProcess::kMessageFd, Devices());
}

}  // namespace

Command add_worker(CLI::App& root) {
  root.add_subcommand("worker", "One model of a run")->group("");
  return {"worker", [](Invocation&) { return run(); }};
}

}  // namespace qbench::cli
