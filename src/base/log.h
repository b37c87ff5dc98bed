#pragma once

#include <string_view>

namespace qbench {

enum class LogLevel { kQuiet, kWarnings, kNormal, kDebug };

/// Lines for the person who runs the program, on stderr. Results never go through the log.
void set_log_level(LogLevel level);
void log_warning(std::string_view message);
void log_info(std::string_view message);
void log_debug(std::string_view message);

}  // namespace qbench
