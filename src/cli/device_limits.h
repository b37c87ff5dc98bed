#pragma once

#include <string>
#include <vector>

#include "backend/machine_limits.h"
#include "run/device_factory.h"

namespace qbench::cli {

struct DeviceLimits {
  std::string device;  ///< "cpu", "cuda:0"
  backend::MachineLimits limits;
  std::string error;   ///< why they were not measured: a device that is busy, full or not compiled for; else empty
};

/// What each of the devices reaches at best, one after the other; a second or two for each. A device that fails has its reason and does not
/// keep the others from being measured.
std::vector<DeviceLimits> measure_limits(const run::DeviceFactory& devices, const std::vector<std::string>& names);

}  // namespace qbench::cli
