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

/// A device's stopwatch between steps.
class StepClock {
 public:
  virtual ~StepClock() = default;
  /// From start to stop the device submits steps one by one. Stamps of before stay readable.
  virtual void start() = 0;
  virtual void stop() noexcept = 0;
  /// Around one step, which a profiler then shows under `name` (a literal): points in time behind everything that was submitted before.
  virtual void begin(const char* name) = 0;
  virtual void end() = 0;
  /// Nanoseconds of all beginnings and ends since the last call, in turn, from a start that is the same for all of them; waits for the
  /// device. Empty where times mean nothing (an emulated device).
  virtual std::vector<std::int64_t> take_ns() = 0;
};

}  // namespace qbench::backend
