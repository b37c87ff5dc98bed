#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backend/cuda/cuda_backend.h"

namespace qbench::cli {

/// The CUDA core on the host's emulation of a GPU: what it computes can be checked, how fast says nothing. The build links
/// cuda_emulated_device.cpp or, where the CUDA headers are missing, cuda_emulated_missing.cpp.
struct CudaEmulatedDevice {
  /// Why this binary does not have it, a clause; empty when it has.
  static std::string missing();
  /// Error{kDevice} when it is missing.
  static std::unique_ptr<backend::Backend> make(const backend::CudaOptions& options = {});
};

/// A GPU that the process sees, known without starting it. Its number for --device cuda:N is its place in CudaFacts::gpus.
struct CudaGpu {
  std::string name;        ///< "NVIDIA H200"
  std::string pci_bus_id;  ///< "0000:3b:00.0"
  std::string capability;  ///< "9.0"
  std::uint64_t memory_bytes = 0;
  bool ecc = false;
  std::string missing;     ///< why this binary cannot use it, a clause: it has no kernels for it; else empty
};

struct CudaFacts {
  bool built = false;          ///< this binary has the device
  bool absent = false;         ///< not built, no driver or no GPU: what any machine without one says
  std::string missing;         ///< why no GPU can be used and what to do, a clause; empty when there is one
  std::string driver_version;  ///< the CUDA version that the driver supports, "13.0"; empty without a driver
  std::string runtime_version; ///< of the CUDA runtime in this binary; empty where not built
  std::string architectures;   ///< that the kernels were compiled for, "90a 100"
  std::string products;        ///< the library that prompts' products go to, "cuBLASLt 13.0.2"; empty where none is found
  std::vector<CudaGpu> gpus;   ///< in the order of CUDA_VISIBLE_DEVICES
};

/// The CUDA core on a GPU. The build links cuda_device.cpp (preset cuda) or cuda_missing.cpp.
struct CudaDevice {
  /// Asks driver and runtime; starts no device. Never throws.
  static CudaFacts facts();
  /// Error{kDevice} when it is missing.
  static std::unique_ptr<backend::Backend> make(const backend::CudaOptions& options);
};

}  // namespace qbench::cli
