#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/cuda/runtime.h"
#ifdef QB_CUDA_EMULATED
#include "kernels/cuda/emulation/control.h"
#endif

namespace qbench::test {

/// The device under test: the emulated one in test_kernels_cuda, the GPU where test_kernels_cuda_device compiles the same cases.
namespace emulated = kernels::QB_CUDA_NAMESPACE;

#ifdef QB_CUDA_EMULATED
/// Sets the emulation for a test and puts the defaults back afterwards.
class EmulationScope {
 public:
  explicit EmulationScope(std::uint64_t seed, emulated::EmulationOrder order = emulated::EmulationOrder::kSeeded, bool early_dependents = true) {
    emulated::set_emulation({.order = order, .seed = seed, .early_dependents = early_dependents, .memory_bytes = 0});
  }
  ~EmulationScope() { emulated::set_emulation({}); }
  EmulationScope(const EmulationScope&) = delete;
  EmulationScope& operator=(const EmulationScope&) = delete;
};
#else
/// A GPU orders its threads as it likes.
struct EmulationScope {
  explicit EmulationScope(std::uint64_t) {}
};
#endif

template <typename T>
emulated::DeviceMemory to_device(const std::vector<T>& values, emulated::Stream& stream) {
  emulated::DeviceMemory memory(values.size() * sizeof(T));
  emulated::copy_to_device(memory.data(), values.data(), memory.bytes(), stream);
  return memory;
}

template <typename T>
std::vector<T> to_host(const emulated::DeviceMemory& memory, emulated::Stream& stream) {
  std::vector<T> values(memory.bytes() / sizeof(T));
  emulated::copy_to_host(values.data(), memory.data(), values.size() * sizeof(T), stream);
  stream.synchronize();
  return values;
}

/// What `work` throws, or "".
inline std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace qbench::test
