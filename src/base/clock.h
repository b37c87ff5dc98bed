#pragma once

#include <cstdint>
#include <string>

namespace qbench {

/// Monotonic time in nanoseconds; the same clock in every process of one boot.
std::int64_t now_ns() noexcept;

/// Wall-clock time in nanoseconds since 1970-01-01 UTC.
std::int64_t wall_now_ns() noexcept;

/// `2026-11-21T03:22:00Z`.
std::string iso8601_utc(std::int64_t wall_ns);

/// `20261121_032200`: the stamp in result file names.
std::string compact_utc(std::int64_t wall_ns);

}  // namespace qbench
