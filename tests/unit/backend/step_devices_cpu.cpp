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
  return devices;
}

}  // namespace qbench::test
