#include "sysinfo/gpu_state.h"

#include <unistd.h>

#include <algorithm>

namespace qbench::sysinfo {
namespace {

template <class T>
std::optional<std::int64_t> whole(const std::optional<T>& value) {
  return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
}

void add_processes(const Nvml& nvml, NvmlDevice device, bool owns_context, GpuState& state) {
  auto processes = nvml.compute_processes(device);
  if (!processes) return;
  const auto own = static_cast<unsigned>(::getpid());
  const auto mine = std::find_if(processes->begin(), processes->end(), [own](const NvmlProcess& p) { return p.pid == own; });
  const bool is_listed = mine != processes->end();
  if (is_listed) processes->erase(mine);
  auto count = static_cast<std::int64_t>(processes->size());
  const bool is_one_of_them = owns_context && !is_listed && count > 0;
  if (is_one_of_them) --count;
  state.foreign_processes = count;
  std::int64_t bytes = 0;
  for (const NvmlProcess& process : *processes) {
    if (process.used_bytes == NvmlProcess::kUnknown || is_one_of_them) return;
    bytes += static_cast<std::int64_t>(process.used_bytes);
  }
  state.foreign_bytes = bytes;
}

}  // namespace

GpuState read_gpu_state(const Nvml& nvml, NvmlDevice device, bool owns_context) {
  GpuState state;
  state.vbios = nvml.vbios(device);
  state.sm_clock_mhz = whole(nvml.clock_mhz(device, Nvml::Clock::kSm));
  state.sm_clock_max_mhz = whole(nvml.max_clock_mhz(device, Nvml::Clock::kSm));
  state.memory_clock_mhz = whole(nvml.clock_mhz(device, Nvml::Clock::kMemory));
  state.memory_clock_max_mhz = whole(nvml.max_clock_mhz(device, Nvml::Clock::kMemory));
  state.power_limit_mw = whole(nvml.power_limit_mw(device));
  state.power_limit_default_mw = whole(nvml.default_power_limit_mw(device));
  state.clock_reasons = whole(nvml.clock_reasons(device));
  state.temperature_c = whole(nvml.temperature_c(device));
  if (const auto ecc = nvml.ecc(device)) {
    state.ecc = ecc->first;
    state.ecc_pending = ecc->second;
  }
  state.persistence = nvml.persistence(device);
  add_processes(nvml, device, owns_context, state);
  return state;
}

}  // namespace qbench::sysinfo
