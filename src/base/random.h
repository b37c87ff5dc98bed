#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace qbench {

/// splitmix64's finaliser (Steele, Lea, Flood 2014): a bijection on 64 bits whose outputs pass BigCrush over a counter.
constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// The generator's key, and the n-th value (from 0) that follows from it alone: what Random draws, wherever it is drawn.
constexpr std::uint64_t random_key(std::uint64_t seed, std::uint64_t stream = 0) noexcept {
  return mix64(seed ^ mix64(stream ^ 0xd1b54a32d192ed03ULL));
}
constexpr std::uint64_t random_value(std::uint64_t key, std::uint64_t n) noexcept { return mix64(key + n * 0x9e3779b97f4a7c15ULL); }
/// A value brought to [0, bound), bound > 0; bias below 2^-32 for bounds that fit 32 bits.
constexpr std::uint64_t random_below(std::uint64_t value, std::uint64_t bound) noexcept {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(value) * bound) >> 64);
}

/// Counter-based generator: the n-th value depends on seed and stream only, so threads can start anywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0) noexcept : key_(random_key(seed, stream)) {}
  std::uint64_t next_u64() noexcept { return random_value(key_, counter_++); }
  /// Uniform in [0, 1) with 53 bits.
  double next_uniform() noexcept { return static_cast<double>(next_u64() >> 11) * 0x1.0p-53; }
  /// Standard normal (Box-Muller; one of the pair is used).
  double next_normal() noexcept {
    const double u = 1.0 - next_uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * next_uniform());
  }
  /// Uniform in [0, bound), as random_below.
  std::uint64_t next_below(std::uint64_t bound) noexcept { return random_below(next_u64(), bound); }

 private:
  std::uint64_t key_;
  std::uint64_t counter_ = 0;
};

}  // namespace qbench
