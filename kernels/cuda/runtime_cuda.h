#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "kernels/cuda/runtime.h"

/// What the sources compiled by nvcc share about the toolkit's runtime.
namespace qbench::kernels::cuda {

/// Dynamic shared memory above this needs an attribute of the kernel (CUDA C++ programming guide, compute capabilities).
inline constexpr std::size_t kSharedBytesWithoutOptIn = 48 * 1024;

/// Throws unless status is success: Error{kMemory} when memory ran out, else Error{kDevice}; `what` is the call or the kernel.
void check(cudaError_t status, const char* what);

cudaStream_t native_stream(Stream& stream);

}  // namespace qbench::kernels::cuda
