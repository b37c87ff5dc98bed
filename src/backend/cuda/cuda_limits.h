#pragma once

#include "backend/machine_limits.h"
#include "kernels/cuda/runtime.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {

/// Measures the device with the probes of kernels/cuda/probes.h and the tensor-core product that prompts use, timed by its own events: each the best
/// of several runs, after one unmeasured. Takes about a second and at most a quarter of the free memory. An emulated device has no limits: it runs
/// the same probes on a small area, for what they compute, and returns nothing.
MachineLimits measure_cuda_limits(const qbench::kernels::QB_CUDA_NAMESPACE::DeviceProperties& properties,
                                  qbench::kernels::QB_CUDA_NAMESPACE::Stream& stream);

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
