#pragma once

#include <nlohmann/json_fwd.hpp>

#include "workload/task.h"

namespace qbench::run {

/// A task on its way to the worker process, without the wrong answers, which nothing there looks at.
nlohmann::ordered_json to_json(const workload::Task& task);
/// Inverse; nlohmann's exceptions for anything else.
workload::Task task_from_json(const nlohmann::json& object);

}  // namespace qbench::run
