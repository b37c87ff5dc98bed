#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/cpu/isa.h"
#include "test_support.h"

namespace qbench::test {

/// The instruction sets of this processor; those it lacks are reported as skipped under the test's name.
inline std::vector<kernels::cpu::Isa> available_isas(const std::string& test) {
  using kernels::cpu::Isa;
  const kernels::cpu::CpuFeatures features = kernels::cpu::detect_features();
  std::vector<Isa> isas = {Isa::kScalar};
  if (features.avx2)
    isas.push_back(Isa::kAvx2);
  else
    report_skip(test + " (avx2)", "this processor has no AVX2");
  if (features.avx512)
    isas.push_back(Isa::kAvx512);
  else
    report_skip(test + " (avx512)", "this processor has no AVX-512");
  return isas;
}

inline std::vector<float> normal_numbers(std::size_t count, std::uint64_t seed, double deviation = 1.0) {
  Random random(seed);
  std::vector<float> numbers(count);
  for (float& x : numbers) x = static_cast<float>(random.next_normal() * deviation);
  return numbers;
}

constexpr float kCanary = -7.25e30F;
constexpr std::size_t kGuard = 32;

/// Room for `size` numbers between guards; everything starts as the canary.
class GuardedNumbers {
 public:
  explicit GuardedNumbers(std::size_t size) : numbers_(size + 2 * kGuard, kCanary), size_(size) {}
  float* data() { return numbers_.data() + kGuard; }
  std::size_t size() const { return size_; }
  float operator[](std::size_t i) const { return numbers_[kGuard + i]; }
  bool guards_intact() const {
    for (std::size_t i = 0; i < kGuard; ++i) {
      if (numbers_[i] != kCanary || numbers_[kGuard + size_ + i] != kCanary) return false;
    }
    return true;
  }

 private:
  std::vector<float> numbers_;
  std::size_t size_;
};

/// Unit roundoff of float32.
constexpr double kRoundoff = 0x1p-24;

}  // namespace qbench::test
