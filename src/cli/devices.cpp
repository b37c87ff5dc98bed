#include "cli/devices.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "backend/cpu/cpu_backend.h"
#include "base/error.h"
#include "cli/cuda_devices.h"
#include "kernels/cpu/isa.h"
#include "sysinfo/memory.h"

namespace qbench::cli {
namespace {

bool names_cuda_device(std::string_view device) {
  if (device == "cuda") return true;
  if (!device.starts_with("cuda:") || device.size() < 6 || device.size() > 8) return false;
  return std::all_of(device.begin() + 5, device.end(), [](char c) { return c >= '0' && c <= '9'; });
}

constexpr const char* kNoCuda = "its kernels compile, but the device that runs them on a GPU is not written yet";
constexpr std::string_view kCudaEmulated = backend::kEmulatedDevice;

std::optional<kernels::cpu::Isa> isa_of(const std::string& name) {
  if (name.empty()) return std::nullopt;
  const auto isa = kernels::cpu::isa_from_name(name);
  if (!isa) throw Error(ErrorCode::kUsage, "'" + name + "' is no instruction set; expected scalar, avx2 or avx512", "--isa");
  return isa;
}

}  // namespace

std::string Devices::resolve(const run::DeviceRequest& request) const {
  isa_of(request.isa);
  if (request.device == "auto" || request.device == "cpu") return "cpu";
  if (names_cuda_device(request.device)) {
    throw Error(ErrorCode::kDevice, std::string("this build has no CUDA device (") + kNoCuda + "); use --device cpu or auto",
                "--device " + request.device);
  }
  if (request.device == kCudaEmulated) {
    const std::string missing = CudaEmulatedDevice::missing();
    if (missing.empty()) return std::string(kCudaEmulated);
    throw Error(ErrorCode::kDevice, "this build has no emulated CUDA device (" + missing + "); use --device cpu or auto",
                "--device " + request.device);
  }
  throw Error(ErrorCode::kUsage, "'" + request.device + "' is no device; expected auto, cpu, cuda, cuda:N or cuda-emulated", "--device");
}

std::int64_t Devices::threads(const run::DeviceRequest& request) const {
  if (request.device == kCudaEmulated) return 1;  // blocks run one after the other
  return request.threads > 0 ? request.threads : backend::default_cpu_threads();
}

std::optional<std::uint64_t> Devices::free_memory_bytes(const run::DeviceRequest&) const {
  const sysinfo::MemoryInfo memory = sysinfo::read_memory_info();
  if (!memory.available_bytes && !memory.limit_bytes) return std::nullopt;
  return sysinfo::usable_memory_bytes(memory);
}

std::unique_ptr<backend::Backend> Devices::make(const run::DeviceRequest& request) const {
  if (resolve(request) == kCudaEmulated) return CudaEmulatedDevice::make();
  return backend::make_cpu_backend({.threads = static_cast<int>(request.threads), .isa = isa_of(request.isa)});
}

std::vector<DeviceListing> Devices::list() {
  return {{.name = "cpu", .missing = ""},
          {.name = "cuda", .missing = kNoCuda},
          {.name = std::string(kCudaEmulated), .missing = CudaEmulatedDevice::missing()}};
}

}  // namespace qbench::cli
