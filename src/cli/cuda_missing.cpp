#include "base/error.h"
#include "cli/cuda_devices.h"

namespace qbench::cli {

CudaFacts CudaDevice::facts() {
  CudaFacts facts;
  facts.absent = true;
  facts.missing = "built without it: `cmake --preset cuda` where nvcc is, which scripts/setup.sh --cuda gets";
  return facts;
}

std::unique_ptr<backend::Backend> CudaDevice::make(const backend::CudaOptions&) { throw Error(ErrorCode::kDevice, facts().missing, "cuda"); }

}  // namespace qbench::cli
