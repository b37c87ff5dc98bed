#pragma once

#include <string_view>

namespace qbench {

/// Lines for the person who runs the program, on stderr. Results never go through the log.
void log_warning(std::string_view message);
void log_info(std::string_view message);

}  // namespace qbench
