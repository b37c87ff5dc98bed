#include "kernels/cuda/device_errors.h"

#include <algorithm>
#include <vector>

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

std::vector<std::string> split(const std::string& architectures) {
  std::vector<std::string> all;
  std::size_t at = 0;
  while (at < architectures.size()) {
    const std::size_t end = std::min(architectures.find(' ', at), architectures.size());
    if (end > at) all.push_back(architectures.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

std::string architecture_list(const std::string& architectures) {
  std::string list;
  for (const std::string& one : split(architectures)) list += (list.empty() ? "sm_" : ", sm_") + one;
  return list;
}

/// Whether code for an architecture ("90a") runs on the capability.
bool runs(const std::string& architecture, int major, int minor) {
  int number = 0;
  char letter = 0;
  for (const char c : architecture) {
    if (c >= '0' && c <= '9') {
      number = 10 * number + (c - '0');
    } else {
      letter = c;
    }
  }
  return number / 10 == major && (letter == 'a' ? number % 10 == minor : number % 10 <= minor);
}

/// "80" of "8.0": the architecture of the build whose code runs there.
std::string architecture_of(const std::string& capability) {
  std::string digits;
  for (const char c : capability) {
    if (c != '.') digits += c;
  }
  if (digits == "90") return "90a";
  return digits.starts_with("10") || digits.starts_with("12") ? digits.substr(0, 2) + "0" : digits;
}

std::string no_driver() { return "no NVIDIA driver here (libcuda.so.1 is not installed); install one, or use --device cpu"; }

std::string old_driver(const StatusContext& c) {
  if (c.driver_version == 0) return no_driver();
  return "the NVIDIA driver supports CUDA " + version_text(c.driver_version) + ", and this binary needs " + version_text(c.runtime_version) +
         ": update the driver, or build with an older toolkit (-DQBENCH_CUDA_ROOT=)";
}

std::string no_device(const StatusContext& c) {
  const std::string visible = c.visible_devices ? "; CUDA_VISIBLE_DEVICES is '" + *c.visible_devices + "'" : "";
  return "a driver is installed, but no GPU is visible" + visible + "; see what nvidia-smi lists, or use --device cpu";
}

std::string no_kernels(const StatusContext& c) {
  const bool known = !c.capability.empty();
  return "this binary has kernels for " + architecture_list(c.architectures) + " and none for " +
         (known ? "this GPU's compute capability " + c.capability : std::string("this GPU")) +
         ": build with -DQBENCH_CUDA_ARCHITECTURES=" + (known ? architecture_of(c.capability) : std::string("<its architecture>"));
}

}  // namespace

std::string version_text(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

ErrorCode code_of(int status) noexcept {
  return static_cast<Status>(status) == Status::kMemoryAllocation ? ErrorCode::kMemory : ErrorCode::kDevice;
}

std::string why_no_kernels(const std::string& architectures, int capability_major, int capability_minor) {
  const std::vector<std::string> all = split(architectures);
  if (std::any_of(all.begin(), all.end(), [&](const std::string& one) { return runs(one, capability_major, capability_minor); })) return {};
  StatusContext context;
  context.architectures = architectures;
  context.capability = std::to_string(capability_major) + "." + std::to_string(capability_minor);
  return no_kernels(context);
}

bool means_absent(int status, int driver_version) noexcept {
  const auto s = static_cast<Status>(status);
  return s == Status::kNoDevice || ((s == Status::kInsufficientDriver || s == Status::kStubLibrary) && driver_version == 0);
}

std::string explain(int status, const StatusContext& c) {
  const std::string said = c.what + ": " + c.text;
  switch (static_cast<Status>(status)) {
    case Status::kInsufficientDriver:
      return old_driver(c);
    case Status::kStubLibrary:
      return no_driver();
    case Status::kNoDevice:
      return no_device(c);
    case Status::kInvalidDevice:
      return said + "; see which devices `qbench doctor` lists" +
             (c.visible_devices ? ", CUDA_VISIBLE_DEVICES is '" + *c.visible_devices + "'" : "");
    case Status::kDevicesUnavailable:
      return said + ": another process holds the GPU alone, or its compute mode forbids this one; see nvidia-smi, end that process or set "
                    "`nvidia-smi -c DEFAULT`";
    case Status::kNoKernelImageForDevice:
    case Status::kInvalidDeviceFunction:
    case Status::kUnsupportedPtxVersion:
      return no_kernels(c);
    case Status::kMemoryAllocation:
      return said;
    case Status::kInitialization:
    case Status::kOperatingSystem:
      return said + ": the driver does not start; check that /dev/nvidia* can be opened (containers: --gpus all) and that nvidia-smi works";
    case Status::kSystemNotReady:
      return said + ": the fabric manager of this machine's GPUs does not run yet; start nvidia-fabricmanager";
    case Status::kSystemDriverMismatch:
      return said + ": the kernel module and libcuda.so.1 are of different drivers; restart the machine or load the new module";
    case Status::kEccUncorrectable:
      return said + ": the GPU's memory has an error that cannot be corrected; restart the GPU before measuring on it";
    case Status::kIllegalAddress:
    case Status::kLaunchFailure:
    case Status::kAssert:
    case Status::kLaunchTimeout:
      return said + ": a kernel failed, and this process cannot use the GPU any more; the next model runs in a process of its own";
    case Status::kUnknown:
    case Status::kDeviceUninitialized:
      return said + ": the GPU failed or has disappeared; `dmesg | grep Xid` says why";
    case Status::kSuccess:
      break;
  }
  return said;
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
