#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qbench::history {

/// Seconds since 1970 of "2026-11-21T03:22:00Z", of the same with a space, fractions (dropped), "+02:00" or "+0200" at the end, of a date
/// alone, and of whole seconds since 1970. Nothing for anything else, for dates that do not exist and years outside 1970 to 2199.
std::optional<std::int64_t> parse_utc(std::string_view text);

/// "2026-11-21T03:22:00Z"; "no time" outside those years.
std::string format_utc(std::int64_t seconds);

}  // namespace qbench::history
