#pragma once

#include <cstdint>
#include <memory>

#include "backend/cuda/cuda_backend.h"
#include "kernels/cuda/namespace.h"
#ifdef QB_CUDA_EMULATED
#include "kernels/cuda/emulation/control.h"
#endif

namespace qbench::test {

/// The device under test: the emulated one in test_backend_cuda, the first GPU where test_backend_cuda_device compiles the same cases. `seed`
/// orders the emulation's blocks and threads; a GPU takes any order by itself.
inline std::unique_ptr<backend::Backend> make_cuda_device([[maybe_unused]] int seed = 1, const backend::CudaOptions& options = {}) {
#ifdef QB_CUDA_EMULATED
  auto settings = kernels::cuda_emulated::emulation_settings();
  settings.seed = static_cast<std::uint64_t>(seed);
  kernels::cuda_emulated::set_emulation(settings);
#endif
  return backend::QB_CUDA_NAMESPACE::make_cuda_backend(options);
}

}  // namespace qbench::test
