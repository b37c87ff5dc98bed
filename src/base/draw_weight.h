#pragma once

#include <cstdint>

namespace qbench {

/// Weight of the likeliest token of a draw. 2^21 such weights add up in 64 bits.
inline constexpr std::uint64_t kDrawUnit = std::uint64_t{1} << 43;
/// From here down a weight is 0: e^-30 of the largest is below 2^-43.
inline constexpr float kLowestDrawn = -30.0F;

/// kDrawUnit * e^x, rounded down, for x <= 0. Integer arithmetic alone: the same on every device and with every compiler, and sums do not
/// depend on their order, so that a GPU's blocks draw the token that the host draws. e^x = 2^-k e^-z with z in [0, ln 2), the latter by
/// Horner's scheme to the 15th power (error below 2^-57).
constexpr std::uint64_t draw_weight(float x) noexcept {
  if (!(x > kLowestDrawn)) return 0;
  constexpr unsigned __int128 kLog2E = 0x5c551d94ae0bf85dULL;  // log2(e) * 2^62
  constexpr unsigned __int128 kLn2 = 0x2c5c85fdf473de6aULL;    // ln(2) * 2^62
  constexpr std::uint64_t kOne = std::uint64_t{1} << 62;
  const auto t = static_cast<std::uint64_t>(-x * 0x1p56F);                                      // exact: x has 24 bits
  const auto y = static_cast<std::uint64_t>(static_cast<unsigned __int128>(t) * kLog2E >> 62);  // -x log2(e) * 2^56
  const std::uint64_t k = y >> 56;
  const auto fraction = static_cast<unsigned __int128>((y & ((std::uint64_t{1} << 56) - 1)) << 6);  // * 2^62
  const auto z = static_cast<std::uint64_t>(fraction * kLn2 >> 62);
  std::uint64_t e = kOne;
  for (std::uint64_t n = 15; n > 0; --n) e = kOne - static_cast<std::uint64_t>(static_cast<unsigned __int128>(z) * e >> 62) / n;
  return e >> (19 + k);
}

/// What top-p asks of a sum of weights: at least 1, at most all.
constexpr std::uint64_t wanted_weight(double top_p, std::uint64_t total) noexcept {
  const double share = top_p * static_cast<double>(total);
  auto wanted = static_cast<std::uint64_t>(share);
  if (static_cast<double>(wanted) < share) ++wanted;
  return wanted < 1 ? 1 : wanted > total ? total : wanted;
}

}  // namespace qbench
