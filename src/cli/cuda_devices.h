#pragma once

#include <memory>
#include <string>

#include "backend/backend.h"

namespace qbench::cli {

/// The CUDA core on the host's emulation of a GPU: what it computes can be checked, how fast says nothing. The build links
/// cuda_emulated_device.cpp or, where the CUDA headers are missing, cuda_emulated_missing.cpp.
struct CudaEmulatedDevice {
  /// Why this binary does not have it, a clause; empty when it has.
  static std::string missing();
  /// Error{kDevice} when it is missing.
  static std::unique_ptr<backend::Backend> make();
};

}  // namespace qbench::cli
