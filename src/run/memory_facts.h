#pragma once

#include "backend/backend.h"
#include "record/records.h"
#include "run/opened_model.h"

namespace qbench::run {

/// Where memory went, now. `device` as it is now.
record::MemoryFacts memory_facts(const OpenedModel& opened, const backend::DeviceInfo& device);

}  // namespace qbench::run
