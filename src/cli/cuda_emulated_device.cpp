#include "backend/cuda/cuda_backend.h"
#include "cli/cuda_devices.h"

namespace qbench::cli {

std::string CudaEmulatedDevice::missing() { return {}; }

std::unique_ptr<backend::Backend> CudaEmulatedDevice::make() { return backend::cuda_emulated::make_cuda_backend(); }

}  // namespace qbench::cli
