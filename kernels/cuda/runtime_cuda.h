#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "kernels/cuda/runtime.h"

/// What the sources compiled by nvcc share about the toolkit's runtime.
namespace qbench::kernels::cuda {

/// Throws unless status is success: Error{kMemory} when memory ran out, else Error{kDevice}; `what` is the call or the kernel.
void check(cudaError_t status, const char* what);

cudaStream_t native_stream(Stream& stream);

}  // namespace qbench::kernels::cuda
