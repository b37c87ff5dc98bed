#pragma once

#include "backend/cpu/cpu_context.h"
#include "backend/machine_limits.h"

namespace qbench::backend {

/// What this processor's threads reach together: reading and copying 256 MB (less where less is free or `room_bytes`, what --vram-limit leaves,
/// is less; nothing below 64 MB), and this build's own products of 1024 x 1024 weights with 128 tokens, the fastest of float32, bfloat16 and
/// Q8_0. The best of several runs, each of some milliseconds.
MachineLimits measure_cpu_limits(CpuContext& context, std::uint64_t room_bytes);

}  // namespace qbench::backend
