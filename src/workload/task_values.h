#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace qbench::workload {

/// Checks a value of a case: JSON, where an object with a key that begins with '$' is one of the tags of prompts/README.md, alone and
/// well-formed. `references` are the names that {"$ref": name} may give; none in what is expected. Error{kConfig} at `where`.
void check_value(const nlohmann::json& value, const std::vector<std::string>& references, const std::string& where);

}  // namespace qbench::workload
