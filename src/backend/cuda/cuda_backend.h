#pragma once

#include <cstdint>
#include <memory>

#include "backend/backend.h"

namespace qbench::backend {

struct CudaOptions {
  int device = 0;        ///< number among the devices that the process sees
  Paths paths{};         ///< flash, graph, fusion, pdl
  int load_threads = 0;  ///< host threads that read and repack weights; 0: one for each processor that the process has
  std::uint64_t memory_limit_bytes = 0;  ///< of what the backend allocates on the device; 0: none
  std::shared_ptr<MemoryAccount> memory = nullptr;  ///< counts it, limit included; nullptr: an account of its own
};

/// The same sources twice: on a GPU (where the build has nvcc) and on the host's emulation of one (where it has the CUDA headers).
/// Error{kDevice} when there is no such device.
namespace cuda {
std::unique_ptr<Backend> make_cuda_backend(const CudaOptions& options = {});
}
namespace cuda_emulated {
std::unique_ptr<Backend> make_cuda_backend(const CudaOptions& options = {});
}

}  // namespace qbench::backend
