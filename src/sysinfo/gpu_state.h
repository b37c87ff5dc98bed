#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sysinfo/nvml.h"

namespace qbench::sysinfo {

/// What decides how fast a GPU can be just now, and who else uses it. Nothing where NVML does not tell.
struct GpuState {
  std::string vbios;
  std::optional<std::int64_t> sm_clock_mhz, sm_clock_max_mhz, memory_clock_mhz, memory_clock_max_mhz;
  std::optional<std::int64_t> power_limit_mw, power_limit_default_mw;
  std::optional<std::int64_t> clock_reasons;  ///< bits of NVML's clock event reasons, now
  std::optional<std::int64_t> temperature_c;
  std::optional<bool> ecc, ecc_pending;  ///< now, and after the next reset
  std::optional<bool> persistence;
  std::optional<std::int64_t> foreign_processes;  ///< that compute on it, this process and its children left out
  std::optional<std::int64_t> foreign_bytes;      ///< of its memory that they hold; nothing where the driver does not say it
};

/// `owns_context`: this process computes on the GPU. In a container the driver may know it by a number that it does not know itself: then one of the
/// processes is taken for this one.
GpuState read_gpu_state(const Nvml& nvml, NvmlDevice device, bool owns_context);

}  // namespace qbench::sysinfo
