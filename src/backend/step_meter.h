#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace qbench::backend {

/// What a step must read and write once, and the multiplications and additions that it does. Filled by the kernels' cost functions.
struct StepCost {
  std::uint64_t bytes = 0;
  std::uint64_t flops = 0;
  std::int64_t launches = 0;  ///< kernels, or parallel regions of the CPU
};

/// A device's stopwatch between steps. While one exists the device submits steps one by one.
class StepClock {
 public:
  virtual ~StepClock() = default;
  /// A point in time behind everything that was submitted before.
  virtual void mark() = 0;
  /// Nanoseconds of all marks since the last call, from a start that is the same for all of them; waits for the device. Empty where times
  /// mean nothing (an emulated device).
  virtual std::vector<std::int64_t> take_ns() = 0;
};

}  // namespace qbench::backend
