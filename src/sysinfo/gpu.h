#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"
#include "sysinfo/gpu_state.h"

namespace qbench::sysinfo {

struct GpuInfo {
  std::string name;  ///< "NVIDIA H100 NVL"
  std::string uuid;
  std::string pci_bus_id;  ///< "00000000:3B:00.0"
  std::optional<bool> mig;  ///< cut into instances; nothing where the GPU cannot be
  std::optional<std::uint64_t> memory_bytes, memory_free_bytes;
  GpuState state;
};

struct GpuReport {
  std::vector<GpuInfo> gpus;
  std::string driver;   ///< "550.54.15"
  std::string missing;  ///< why there are none, one clause: "no GPU driver here (libnvidia-ml.so.1 is not installed)"; else empty
};

/// Loads NVML at run time, asks, unloads. Never throws. `library`: tests name one that is not there, or their own.
GpuReport read_gpus(const std::string& library = nvml_library());

/// True when both name the same place, whatever the length of the domain and the case: "0000:3b:00.0", "00000000:3B:00.0".
bool same_pci_bus_id(std::string_view a, std::string_view b);

/// Free memory of the GPU at that place, of which a process sees `memory_bytes`; nothing where NVML does not know it or means more than the
/// process sees (an instance of a GPU that is cut up).
std::optional<std::uint64_t> free_memory_bytes(const GpuReport& report, std::string_view pci_bus_id, std::uint64_t memory_bytes);

}  // namespace qbench::sysinfo
