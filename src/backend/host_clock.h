#pragma once

#include <utility>
#include <vector>

#include "backend/step_meter.h"
#include "base/clock.h"

namespace qbench::backend {

/// The stopwatch of a device whose calls return when their work is done.
class HostClock final : public StepClock {
 public:
  void start() override {}
  void stop() noexcept override {}
  void begin(const char*) override { stamps_ns_.push_back(now_ns()); }
  void end() override { stamps_ns_.push_back(now_ns()); }
  std::vector<std::int64_t> take_ns() override { return std::exchange(stamps_ns_, {}); }

 private:
  std::vector<std::int64_t> stamps_ns_;
};

}  // namespace qbench::backend
