#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace qbench::workload {

/// Checks the list of cases of a task.json (prompts/README.md has the format): there is one, each tests something, keys, names and values
/// are as `language` can have them. Error{kConfig} at `where`.
void check_cases(const nlohmann::json& cases, std::string_view language, const std::string& where);

}  // namespace qbench::workload
