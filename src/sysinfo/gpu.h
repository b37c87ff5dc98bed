#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace qbench::sysinfo {

struct GpuInfo {
  std::string name;  ///< "NVIDIA H100 NVL"
  std::string uuid;
  std::optional<std::uint64_t> memory_bytes, memory_free_bytes;
};

struct GpuReport {
  std::vector<GpuInfo> gpus;
  std::string driver;   ///< "550.54.15"
  std::string missing;  ///< why there are none, one clause: "no GPU driver here (libnvidia-ml.so.1 is not installed)"; else empty
};

/// Loads NVML at run time, asks, unloads. Never throws. `library`: tests name one that is not there.
GpuReport read_gpus(const char* library = "libnvidia-ml.so.1");

}  // namespace qbench::sysinfo
