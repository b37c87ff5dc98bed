#pragma once

#include <optional>
#include <string>

namespace qbench::backend {

/// What a device reaches at best, measured in this process; nothing where it was not measured. 1 GB = 1e9 bytes, 1 TFLOP = 1e12 operations.
struct MachineLimits {
  std::optional<double> read_gbps;      ///< a stream that is only read, far larger than the caches
  std::optional<double> copy_gbps;      ///< bytes read plus bytes written
  std::optional<double> matmul_tflops;  ///< the fastest of the matrix products that prompts run
  std::string matmul_by = {};           ///< which one that was: "f32", "cuBLASLt 13.0.2"
  std::optional<double> launch_us;      ///< a kernel of no work after another one in a graph
  std::optional<double> launch_programmatic_us;  ///< the same where it may start before its predecessor ends
};

}  // namespace qbench::backend
