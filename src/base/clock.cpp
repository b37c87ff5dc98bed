#include "base/clock.h"

#include <ctime>

namespace qbench {
namespace {

std::int64_t read_clock(clockid_t id) noexcept {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

std::string format_utc(std::int64_t wall_ns, const char* format) {
  const std::time_t seconds = static_cast<std::time_t>(wall_ns / 1'000'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  const std::size_t length = std::strftime(text, sizeof text, format, &parts);
  return std::string(text, length);
}

}  // namespace

std::int64_t now_ns() noexcept { return read_clock(CLOCK_MONOTONIC); }
std::int64_t wall_now_ns() noexcept { return read_clock(CLOCK_REALTIME); }
std::string iso8601_utc(std::int64_t wall_ns) { return format_utc(wall_ns, "%Y-%m-%dT%H:%M:%SZ"); }
std::string compact_utc(std::int64_t wall_ns) { return format_utc(wall_ns, "%Y%m%d_%H%M%S"); }

}  // namespace qbench
