#pragma once

#include "record/records.h"
#include "sysinfo/disturbances.h"

namespace qbench::measure {

/// What sysinfo read, as the records hold it.
record::MachineFacts machine_facts(const sysinfo::Machine& machine);
record::BuildFacts build_facts(const sysinfo::BuildInfo& build);

}  // namespace qbench::measure
