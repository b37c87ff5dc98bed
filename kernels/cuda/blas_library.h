#pragma once

#include <string>

#include "kernels/cuda/namespace.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Which cuBLASLt this process finds, "cuBLASLt 13.0.2", without starting a device; empty where there is none. Never throws.
std::string blas_library();

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
