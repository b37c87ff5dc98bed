#pragma once

#include <string>

#include "run/plan.h"

namespace qbench::run {

/// Whether the run can be scored as it was asked for, and what will hold the answers (RunPlan::sandbox_level). Error{kUsage}: there is no
/// text pass, a model has synthetic weights, k asks for more answers than there are, several answers are asked for and all would be the
/// same; {kConfig}: that of Sandbox::open.
void check_scoring(RunPlan& plan);

/// Lines of --dry-run.
std::string describe_scoring(const RunPlan& plan);

}  // namespace qbench::run
