#pragma once

#include <optional>
#include <string>

namespace qbench::cli {

/// "3%", "3 %" and "0.03" as 0.03. Error{kUsage} that begins with the option: no finite number, below 0, above 1.
double parse_ratio(const std::string& option, const std::string& text);

}  // namespace qbench::cli
