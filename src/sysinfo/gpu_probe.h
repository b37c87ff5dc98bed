#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sysinfo/gpu_state.h"
#include "sysinfo/nvml.h"

namespace qbench::sysinfo {

/// What NVML says of a GPU at one moment; nothing where it does not tell.
struct GpuReading {
  std::optional<std::int64_t> utilization_percent;  ///< of the driver's last sampling period, some ten to some hundred ms
  std::optional<std::int64_t> sm_clock_mhz, memory_clock_mhz, power_mw, temperature_c, used_bytes;
  std::optional<std::int64_t> clock_reasons;  ///< bits of NVML's clock event reasons
};

/// Asks one GPU again and again without loading the library anew.
class GpuProbe {
 public:
  /// The GPU at that place (its number may differ from CUDA's). nullptr where NVML does not load or does not know the place; an empty
  /// pci_bus_id has none.
  static std::unique_ptr<GpuProbe> open(const std::string& pci_bus_id, const std::string& library);
  GpuReading read() const;
  /// The state while this process computes on the GPU, and what tells the board from others.
  GpuState state() const { return read_gpu_state(*nvml_, device_, true); }
  std::string uuid() const { return nvml_->uuid(device_); }
  std::optional<bool> mig() const { return nvml_->mig(device_); }
  /// Millijoules since the driver was loaded, counted by the GPU itself.
  std::optional<std::int64_t> energy_mj() const;

 private:
  GpuProbe(std::unique_ptr<Nvml> nvml, NvmlDevice device) : nvml_(std::move(nvml)), device_(device) {}
  std::unique_ptr<Nvml> nvml_;
  NvmlDevice device_;
};

/// Whether the bits hold a reason that lowers clocks against the user's wish: power, heat or the board's own brake. Idle clocks and clocks that
/// someone has set are none.
bool is_throttled(std::int64_t clock_reasons) noexcept;

/// "power cap, heat": the reasons of is_throttled in words.
std::string describe_throttling(std::int64_t clock_reasons);

}  // namespace qbench::sysinfo
