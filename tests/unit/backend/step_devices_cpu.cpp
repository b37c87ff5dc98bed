#include "backend/cpu/cpu_backend.h"
#include "kernels/cpu/isa.h"
#include "step_cases.h"

namespace qbench::test {

std::vector<StepDevice> step_devices(const std::string& test) {
  using kernels::cpu::Isa;
  const kernels::cpu::CpuFeatures features = kernels::cpu::detect_features();
  std::vector<StepDevice> devices;
  const auto add = [&](Isa isa, bool present) {
    const std::string name(kernels::cpu::name_of(isa));
    if (!present) return report_skip(test + " (" + name + ")", "this processor lacks it");
    devices.push_back({"cpu " + name, [isa](int threads) { return backend::make_cpu_backend({threads, isa}); }});
  };
  add(Isa::kScalar, true);
  add(Isa::kAvx2, features.avx2);
  add(Isa::kAvx512, features.avx512);
  // The paths that --ablate leaves out, each with the best instruction set.
  for (const char* off : {"flash", "fusion", "repack"}) {
    const backend::Paths paths = backend::paths_without(off, backend::DeviceKind::kCpu, "test");
    devices.push_back({std::string("cpu without ") + off,
                       [paths](int threads) { return backend::make_cpu_backend({.threads = threads, .isa = {}, .paths = paths}); },
                       {1, 3}});
  }
  return devices;
}

}  // namespace qbench::test
