#include "cli/devices.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "backend/cpu/cpu_backend.h"
#include "base/error.h"
#include "cli/cuda_devices.h"
#include "kernels/cpu/isa.h"
#include "sysinfo/gpu.h"
#include "sysinfo/memory.h"

namespace qbench::cli {
namespace {

bool names_cuda_device(std::string_view device) {
  if (device == "cuda") return true;
  if (!device.starts_with("cuda:") || device.size() < 6 || device.size() > 8) return false;
  return std::all_of(device.begin() + 5, device.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Whether the request ends on a GPU or fails.
bool wants_cuda(std::string_view device) { return names_cuda_device(device) || (device == "auto" && !CudaDevice::facts().absent); }

/// N of "cuda:N"; 0 of "cuda".
std::size_t cuda_index(std::string_view device) { return device == "cuda" ? 0 : static_cast<std::size_t>(std::stoi(std::string(device.substr(5)))); }

/// "cuda:N" when that GPU can be used.
std::string resolve_cuda(const std::string& device) {
  const CudaFacts facts = CudaDevice::facts();
  const std::size_t index = cuda_index(device);
  if (!facts.built) throw Error(ErrorCode::kDevice, "this build has no CUDA device (" + facts.missing + "); use --device cpu or auto", "--device " + device);
  if (facts.gpus.empty()) throw Error(ErrorCode::kDevice, facts.missing, "--device " + device);
  if (index >= facts.gpus.size()) {
    throw Error(ErrorCode::kDevice,
                "there is no GPU " + std::to_string(index) + ": this process sees " + std::to_string(facts.gpus.size()) +
                    ", numbered from 0 (CUDA_VISIBLE_DEVICES decides which)",
                "--device " + device);
  }
  if (!facts.gpus[index].missing.empty()) throw Error(ErrorCode::kDevice, facts.gpus[index].missing, "--device " + device);
  return "cuda:" + std::to_string(index);
}

/// Why no GPU can be used; empty when one can.
std::string cuda_missing() {
  const CudaFacts facts = CudaDevice::facts();
  const auto usable = [](const CudaGpu& gpu) { return gpu.missing.empty(); };
  if (facts.gpus.empty() || std::any_of(facts.gpus.begin(), facts.gpus.end(), usable)) return facts.missing;
  return facts.gpus.front().missing;
}

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
  if (request.device == "cpu") return "cpu";
  // Where there is a GPU that cannot be used, auto fails and says why: whoever wants the CPU then says so.
  if (request.device == "auto") return CudaDevice::facts().absent ? "cpu" : resolve_cuda("cuda");
  if (names_cuda_device(request.device)) return resolve_cuda(request.device);
  if (request.device == kCudaEmulated) {
    const std::string missing = CudaEmulatedDevice::missing();
    if (missing.empty()) return std::string(kCudaEmulated);
    throw Error(ErrorCode::kDevice, "this build has no emulated CUDA device (" + missing + "); use --device cpu or auto",
                "--device " + request.device);
  }
  throw Error(ErrorCode::kUsage, "'" + request.device + "' is no device; expected auto, cpu, cuda, cuda:N or cuda-emulated", "--device");
}

std::int64_t Devices::threads(const run::DeviceRequest& request) const {
  if (wants_cuda(request.device)) return 1;  // it only submits
  if (request.device == kCudaEmulated) return 1;  // blocks run one after the other
  return request.threads > 0 ? request.threads : backend::default_cpu_threads();
}

std::optional<std::uint64_t> Devices::free_memory_bytes(const run::DeviceRequest& request) const {
  if (wants_cuda(request.device)) {
    const CudaFacts facts = CudaDevice::facts();
    const std::size_t index = request.device == "auto" ? 0 : cuda_index(request.device);
    if (index >= facts.gpus.size()) return std::nullopt;  // resolve() says why
    const CudaGpu& gpu = facts.gpus[index];
    return sysinfo::free_memory_bytes(sysinfo::read_gpus(), gpu.pci_bus_id, gpu.memory_bytes);
  }
  const sysinfo::MemoryInfo memory = sysinfo::read_memory_info();
  if (!memory.available_bytes && !memory.limit_bytes) return std::nullopt;
  return sysinfo::usable_memory_bytes(memory);
}

std::string Devices::runtime(const std::string& device) const {
  return names_cuda_device(device) ? "CUDA " + CudaDevice::facts().runtime_version : std::string();
}

std::unique_ptr<backend::Backend> Devices::make(const run::DeviceRequest& request) const {
  const std::string device = resolve(request);
  backend::CudaOptions cuda{.paths = request.paths, .memory_limit_bytes = request.memory_limit_bytes, .memory = request.memory};
  if (device == kCudaEmulated) return CudaEmulatedDevice::make(cuda);
  if (names_cuda_device(device)) {
    cuda.device = static_cast<int>(cuda_index(device));
    return CudaDevice::make(cuda);
  }
  return backend::make_cpu_backend({.threads = static_cast<int>(request.threads),
                                    .isa = isa_of(request.isa),
                                    .paths = request.paths,
                                    .memory_limit_bytes = request.memory_limit_bytes,
                                    .memory = request.memory});
}

std::vector<DeviceListing> Devices::list() {
  return {{.name = "cpu", .missing = ""},
          {.name = "cuda", .missing = cuda_missing()},
          {.name = std::string(kCudaEmulated), .missing = CudaEmulatedDevice::missing()}};
}

}  // namespace qbench::cli
