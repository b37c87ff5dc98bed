#include "backend/cuda/cuda_backend.h"
#include "backend/step_cases.h"
#include "cuda_test_device.h"

namespace qbench::test {

#ifdef QB_CUDA_EMULATED
constexpr const char* kName = "cuda-emulated";
#else
constexpr const char* kName = "cuda";
#endif

std::vector<StepDevice> step_devices(const std::string&) {
  return {{kName,
           [](int seed) { return make_cuda_device(seed); },
           {1, 2},
           true}};
}

}  // namespace qbench::test
