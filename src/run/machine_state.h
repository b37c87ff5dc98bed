#pragma once

#include <string>

#include "backend/backend.h"
#include "record/records.h"

namespace qbench::run {

/// The machine as it is now, for a row of a cell that ran on this device. `runtime`: DeviceFactory::runtime of it.
record::MachineState machine_state(const backend::DeviceInfo& device, const std::string& runtime);

}  // namespace qbench::run
