#pragma once

#include <cstdint>
#include <string>

namespace qbench {

inline constexpr double kGB = 1e9;                                     ///< 1 GB = 1e9 bytes
inline constexpr double kGiB = 1073741824.0;                           ///< 1 GiB = 2^30 bytes
inline constexpr double ms_from_ns(double ns) { return ns / 1e6; }     ///< milliseconds; divided: 1e-6 is no double
inline constexpr double s_from_ns(double ns) { return ns / 1e9; }      ///< seconds; divided: 1e-9 is no double

/// `98.4 MB`, `15.23 GB`: decimal units, for people.
std::string format_bytes(std::uint64_t bytes);

/// `850 ms`, `12.3 s`, `4 min 05 s`: for people.
std::string format_seconds(double seconds);

}  // namespace qbench
