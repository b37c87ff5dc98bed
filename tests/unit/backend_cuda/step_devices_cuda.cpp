#include "backend/cuda/cuda_backend.h"
#include "backend/step_cases.h"
#include "kernels/cuda/emulation/control.h"

namespace qbench::test {

std::vector<StepDevice> step_devices(const std::string&) {
  return {{"cuda-emulated",
           [](int seed) {
             kernels::cuda_emulated::set_emulation({.seed = static_cast<std::uint64_t>(seed)});
             return backend::cuda_emulated::make_cuda_backend();
           },
           {1, 2},
           true}};
}

}  // namespace qbench::test
