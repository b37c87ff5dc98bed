#include <charconv>
#include <optional>
#include <string>

#include "backend/cuda/cuda_backend.h"
#include "base/environment.h"
#include "base/error.h"
#include "cli/cuda_devices.h"
#include "kernels/cuda/emulation/control.h"

namespace qbench::cli {
namespace {

/// The number of the operation or allocation that shall fail.
std::optional<std::int64_t> emulated_fault(const char* name) {
  const auto text = environment_variable(name);
  if (!text) return std::nullopt;
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), n);
  if (error != std::errc() || end != text->data() + text->size() || n < 1) {
    throw Error(ErrorCode::kUsage, "is '" + *text + "'; expected a number from 1 on", name);
  }
  return n;
}

}  // namespace

std::string CudaEmulatedDevice::missing() { return {}; }

std::unique_ptr<backend::Backend> CudaEmulatedDevice::make(const backend::CudaOptions& options) {
  // For tests of what a run makes of a device that fails; each worker process counts from its own start.
  if (const auto n = emulated_fault("QBENCH_EMULATED_LOSE_DEVICE")) kernels::cuda_emulated::lose_device(*n);
  if (const auto n = emulated_fault("QBENCH_EMULATED_FAIL_ALLOCATION")) kernels::cuda_emulated::fail_allocation(*n);
  return backend::cuda_emulated::make_cuda_backend(options);
}

}  // namespace qbench::cli
