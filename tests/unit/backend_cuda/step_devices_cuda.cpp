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
  std::vector<StepDevice> devices;
  const auto add = [&](const std::string& name, const backend::Paths& paths) {
    devices.push_back({name, [paths](int seed) { return make_cuda_device(seed, {.paths = paths}); }, {1, 2}, paths.flash});
  };
  add(kName, {});
#ifndef __SANITIZE_ADDRESS__  // minutes more; the kernels of these paths have tests of their own
  // The paths that --ablate leaves out.
  for (const char* off : {"flash", "fusion"}) {
    add(std::string(kName) + " without " + off, backend::paths_without(off, backend::DeviceKind::kCuda, "test"));
  }
#endif
  return devices;
}

}  // namespace qbench::test
