#pragma once

#include <cstdint>

#include "backend/machine_limits.h"
#include "kernels/cuda/blas.h"
#include "kernels/cuda/runtime.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {

namespace kernels = qbench::kernels::QB_CUDA_NAMESPACE;

/// Measures the device with the probes of kernels/cuda/probes.h and the products that prompts use, this build's own kernel and the library's where
/// `blas` is not null, timed by its own events: each the best of several runs, after one unmeasured. Takes about a second and at most half of the
/// free memory or of `room_bytes`, what --vram-limit leaves; what does not fit there is not measured. An emulated device has no limits: it runs the
/// same probes on a small area, for what they compute, and returns nothing.
MachineLimits measure_cuda_limits(const kernels::DeviceProperties& properties, std::uint64_t room_bytes, kernels::Blas* blas, kernels::Stream& stream);

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
