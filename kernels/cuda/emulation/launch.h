#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "kernels/cuda/runtime.h"

namespace qbench::kernels::cuda_emulated::emulation {

/// A kernel with its arguments, ready to run any number of times.
struct LaunchRecord {
  std::string name;
  Dim3 grid;
  int threads = 0;
  std::size_t shared_bytes = 0;
  bool programmatic = false;
  bool cooperative = false;
  std::function<void()> thread;  ///< the kernel's body for the thread that calls it
};

/// Checks the launch against the device's limits (Error{kDevice}) and gives it to the stream: it runs, waits for its successor, or is recorded.
void submit(Stream& stream, LaunchRecord record);

/// Gives the stream work of the host, in order with its kernels.
void submit_host(Stream& stream, std::function<void()> work);

}  // namespace qbench::kernels::cuda_emulated::emulation
