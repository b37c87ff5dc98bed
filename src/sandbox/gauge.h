#pragma once

#include <cstdint>

namespace qbench::sandbox {

/// What all processes of a sandbox have used up to now.
struct Usage {
  double cpu_s = 0;
  std::uint64_t memory_bytes = 0;  ///< resident: private and shared memory, and in control groups what lies in temporary files
  bool out_of_memory = false;      ///< the kernel killed one of them for its memory
};

}  // namespace qbench::sandbox
