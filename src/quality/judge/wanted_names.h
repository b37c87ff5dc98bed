#pragma once

#include <string>
#include <utility>
#include <vector>

#include "workload/task.h"

namespace qbench::quality {

/// Module (empty where the call names none) and name of each function and class that the task's cases call; methods are not among them.
std::vector<std::pair<std::string, std::string>> case_names(const workload::Task& task);

/// Names that the answer must define: the entry point; what the cases call and construct; of a suite's own test without an entry point
/// (MBPP) what the reference defines and the test mentions. Empty for whole programs.
std::vector<std::string> wanted_names(const workload::Task& task);

}  // namespace qbench::quality
