#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace qbench {

inline constexpr double kGB = 1e9;                                     ///< 1 GB = 1e9 bytes
inline constexpr double kGiB = 1073741824.0;                           ///< 1 GiB = 2^30 bytes
inline constexpr double ms_from_ns(double ns) { return ns / 1e6; }     ///< milliseconds; divided: 1e-6 is no double
inline constexpr double s_from_ns(double ns) { return ns / 1e9; }      ///< seconds; divided: 1e-9 is no double

/// Bytes of `4096`, `12GiB`, `1.5 GB`, `500MB`: a number, then nothing or B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (of 1024), in
/// any case. Nothing for other words, signs, and what does not fit 63 bits.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// `98.4 MB`, `15.23 GB`: decimal units, for people.
std::string format_bytes(std::uint64_t bytes);

/// `850 ms`, `12.3 s`, `4 min 05 s`: for people.
std::string format_seconds(double seconds);

}  // namespace qbench
