#pragma once

#include "workload/settings.h"

namespace qbench::run {

/// Fills in what follows from other settings: `--precision f32` computes everything in float32, so the KV cache too unless a type was asked
/// for.
workload::Settings with_derived_settings(workload::Settings settings);

/// The settings of a command that takes them from the command line alone.
workload::EffectiveSettings effective_settings(const workload::Settings& command_line);

}  // namespace qbench::run
