#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace qbench::cli {

/// What can hold generated code on this machine, and the tools of the quality pass with their versions as they say them inside.
nlohmann::ordered_json sandbox_json();
std::string sandbox_text(const nlohmann::ordered_json& report);

}  // namespace qbench::cli
