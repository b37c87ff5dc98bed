#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace qbench {
namespace {

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    auto created = std::make_shared<spdlog::logger>("qbench", sink);
    created->set_pattern("%^%l%$: %v");
    return created;
  }();
  return *instance;
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kQuiet: return spdlog::level::err;
    case LogLevel::kWarnings: return spdlog::level::warn;
    case LogLevel::kNormal: return spdlog::level::info;
    case LogLevel::kDebug: return spdlog::level::debug;
  }
  return spdlog::level::info;
}

}  // namespace

void set_log_level(LogLevel level) { logger().set_level(level_of(level)); }
void log_warning(std::string_view message) { logger().warn("{}", message); }
void log_info(std::string_view message) { logger().info("{}", message); }
void log_debug(std::string_view message) { logger().debug("{}", message); }

}  // namespace qbench
