#include "sysinfo/gpu.h"

#include <algorithm>
#include <cctype>

#include "sysinfo/nvml.h"

namespace qbench::sysinfo {
namespace {

GpuInfo read_gpu(const Nvml& nvml, NvmlDevice device) {
  GpuInfo gpu;
  gpu.name = nvml.name(device);
  gpu.uuid = nvml.uuid(device);
  gpu.pci_bus_id = nvml.pci_bus_id(device);
  gpu.mig = nvml.mig(device);
  gpu.state = read_gpu_state(nvml, device, false);
  if (const auto memory = nvml.memory(device)) {
    gpu.memory_bytes = memory->total;
    gpu.memory_free_bytes = memory->free;
  }
  return gpu;
}

/// Domain without leading zeros, lower case: "0:3b:00.0".
std::string normal_bus_id(std::string_view id) {
  std::string normal;
  for (const char c : id.substr(std::min(id.find_first_not_of('0'), id.size()))) {
    normal += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return normal.starts_with(':') ? "0" + normal : normal;
}

}  // namespace

GpuReport read_gpus(const std::string& library) {
  GpuReport report;
  const auto nvml = Nvml::open(library, report.missing);
  if (!nvml) return report;
  report.driver = nvml->driver_version();
  const unsigned count = nvml->count(report.missing).value_or(0);
  for (unsigned i = 0; i < count; ++i) {
    if (const NvmlDevice device = nvml->device(i)) report.gpus.push_back(read_gpu(*nvml, device));
  }
  if (report.gpus.empty() && report.missing.empty()) report.missing = "a GPU driver is installed, but no GPU is visible";
  return report;
}

bool same_pci_bus_id(std::string_view a, std::string_view b) { return !a.empty() && normal_bus_id(a) == normal_bus_id(b); }

std::optional<std::uint64_t> free_memory_bytes(const GpuReport& report, std::string_view pci_bus_id, std::uint64_t memory_bytes) {
  for (const GpuInfo& gpu : report.gpus) {
    if (!same_pci_bus_id(gpu.pci_bus_id, pci_bus_id)) continue;
    if (gpu.mig.value_or(false) || !gpu.memory_free_bytes) return std::nullopt;
    return std::min(*gpu.memory_free_bytes, memory_bytes);
  }
  return std::nullopt;
}

}  // namespace qbench::sysinfo
