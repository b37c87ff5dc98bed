#include "run/machine_state.h"

#include <cmath>

#include "base/environment.h"
#include "sysinfo/cpu.h"
#include "sysinfo/gpu_probe.h"
#include "sysinfo/memory.h"

namespace qbench::run {
namespace {

std::optional<std::int64_t> rounded(const std::optional<double>& value) {
  return value ? std::optional(static_cast<std::int64_t>(std::llround(*value))) : std::nullopt;
}

void add_gpu(const sysinfo::GpuProbe& probe, record::MachineState& state) {
  const sysinfo::GpuState gpu = probe.state();
  state.gpu_uuid = probe.uuid();
  state.gpu_vbios = gpu.vbios;
  state.gpu_sm_clock_mhz = gpu.sm_clock_mhz;
  state.gpu_sm_clock_max_mhz = gpu.sm_clock_max_mhz;
  state.gpu_memory_clock_mhz = gpu.memory_clock_mhz;
  state.gpu_memory_clock_max_mhz = gpu.memory_clock_max_mhz;
  state.gpu_power_limit_mw = gpu.power_limit_mw;
  state.gpu_power_limit_default_mw = gpu.power_limit_default_mw;
  state.gpu_clock_reasons = gpu.clock_reasons;
  state.gpu_temperature_c = gpu.temperature_c;
  state.gpu_ecc = gpu.ecc;
  state.gpu_ecc_pending = gpu.ecc_pending;
  state.gpu_mig = probe.mig();
  state.gpu_persistence = gpu.persistence;
  state.gpu_foreign_processes = gpu.foreign_processes;
  state.gpu_foreign_bytes = gpu.foreign_bytes;
}

}  // namespace

record::MachineState machine_state(const backend::DeviceInfo& device, const std::string& runtime) {
  record::MachineState state;
  state.runtime = runtime;
  const sysinfo::CpuClocks clocks = sysinfo::read_cpu_clocks();
  state.governor = clocks.governor;
  state.cpu_clock_mhz = rounded(clocks.mean_mhz);
  state.cpu_clock_max_mhz = rounded(clocks.max_mhz);
  if (const auto available = sysinfo::read_memory_info().available_bytes) state.memory_available_bytes = static_cast<std::int64_t>(*available);
  if (const auto probe = sysinfo::GpuProbe::open(device.pci_bus_id, nvml_library())) add_gpu(*probe, state);
  return state;
}

}  // namespace qbench::run
