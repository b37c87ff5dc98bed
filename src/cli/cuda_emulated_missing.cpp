#include "base/error.h"
#include "cli/cuda_devices.h"

namespace qbench::cli {

std::string CudaEmulatedDevice::missing() { return QB_CUDA_EMULATED_MISSING; }

std::unique_ptr<backend::Backend> CudaEmulatedDevice::make(const backend::CudaOptions&) { throw Error(ErrorCode::kDevice, missing(), "cuda-emulated"); }

}  // namespace qbench::cli
