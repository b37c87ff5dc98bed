#pragma once

#include <filesystem>
#include <string>

#include "workload/task.h"

namespace qbench::workload {

/// Reads the folder of a task of one's own: task.json, reference/, wrong/*, for C++ adapter.cpp. prompts/README.md describes it.
/// Error{kConfig} for a task without tests or without reference, unknown keys, bad values, files that are missing or too many.
Task load_task(const std::filesystem::path& folder, const std::string& id, const std::string& language);

}  // namespace qbench::workload
