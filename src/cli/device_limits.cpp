#include "cli/device_limits.h"

#include "run/guard.h"

namespace qbench::cli {

std::vector<DeviceLimits> measure_limits(const run::DeviceFactory& devices, const std::vector<std::string>& names) {
  std::vector<DeviceLimits> all;
  for (const std::string& name : names) {
    DeviceLimits& one = all.emplace_back();
    one.device = name;
    const auto failure = run::run_guarded([&] { one.limits = devices.make({.device = name, .threads = 0, .isa = {}})->measure_limits(); });
    if (failure) one.error = failure->message;
  }
  return all;
}

}  // namespace qbench::cli
