#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/ascii.h"

namespace qbench {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 10> kByteUnits{{{"", 1.0},
                                                                           {"b", 1.0},
                                                                           {"kb", 1e3},
                                                                           {"mb", 1e6},
                                                                           {"gb", kGB},
                                                                           {"tb", 1e12},
                                                                           {"kib", 1024.0},
                                                                           {"mib", 1048576.0},
                                                                           {"gib", kGiB},
                                                                           {"tib", 1099511627776.0}}};

}  // namespace

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  const bool starts_with_digit = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (!starts_with_digit) return std::nullopt;  // no sign, no "inf", no "nan"
  double number = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number)) return std::nullopt;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const auto& [name, factor] : kByteUnits) {
    if (ascii_lower(unit) != name) continue;
    const double bytes = number * factor;
    if (!(bytes < 9.2e18)) return std::nullopt;
    return static_cast<std::uint64_t>(bytes);
  }
  return std::nullopt;
}

std::string format_bytes(std::uint64_t bytes) {
  const double value = static_cast<double>(bytes);
  if (value < 1e3) return fmt::format("{} B", bytes);
  if (value < 1e6) return fmt::format("{:.1f} kB", value / 1e3);
  if (value < 1e9) return fmt::format("{:.1f} MB", value / 1e6);
  return fmt::format("{:.2f} GB", value / kGB);
}

std::string format_seconds(double seconds) {
  if (seconds < 1.0) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 60.0) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace qbench
