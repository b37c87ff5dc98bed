#include "sysinfo/gpu_probe.h"

#include <array>
#include <utility>

#include "sysinfo/gpu.h"

namespace qbench::sysinfo {
namespace {

/// nvml.h, nvmlClocksEventReasons.
constexpr std::array<std::pair<std::int64_t, const char*>, 5> kThrottling{{{0x04, "power cap"},
                                                                           {0x08, "hardware slowdown"},
                                                                           {0x20, "heat (driver)"},
                                                                           {0x40, "heat (hardware)"},
                                                                           {0x80, "power brake of the board"}}};

template <class T>
std::optional<std::int64_t> whole(const std::optional<T>& value) {
  return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
}

}  // namespace

std::unique_ptr<GpuProbe> GpuProbe::open(const std::string& pci_bus_id, const std::string& library) {
  if (pci_bus_id.empty()) return nullptr;
  std::string why;
  auto nvml = Nvml::open(library, why);
  if (!nvml) return nullptr;
  const unsigned count = nvml->count(why).value_or(0);
  for (unsigned i = 0; i < count; ++i) {
    const NvmlDevice device = nvml->device(i);
    if (device != nullptr && same_pci_bus_id(nvml->pci_bus_id(device), pci_bus_id))
      return std::unique_ptr<GpuProbe>(new GpuProbe(std::move(nvml), device));
  }
  return nullptr;
}

GpuReading GpuProbe::read() const {
  GpuReading reading;
  reading.utilization_percent = whole(nvml_->utilization_percent(device_));
  reading.sm_clock_mhz = whole(nvml_->clock_mhz(device_, Nvml::Clock::kSm));
  reading.memory_clock_mhz = whole(nvml_->clock_mhz(device_, Nvml::Clock::kMemory));
  reading.power_mw = whole(nvml_->power_mw(device_));
  reading.temperature_c = whole(nvml_->temperature_c(device_));
  reading.clock_reasons = whole(nvml_->clock_reasons(device_));
  if (const auto memory = nvml_->memory(device_)) reading.used_bytes = static_cast<std::int64_t>(memory->used);
  return reading;
}

std::optional<std::int64_t> GpuProbe::energy_mj() const { return whole(nvml_->energy_mj(device_)); }

bool is_throttled(std::int64_t clock_reasons) noexcept {
  for (const auto& [bit, words] : kThrottling) {
    if ((clock_reasons & bit) != 0) return true;
  }
  return false;
}

std::string describe_throttling(std::int64_t clock_reasons) {
  std::string text;
  for (const auto& [bit, words] : kThrottling) {
    if ((clock_reasons & bit) != 0) text.append(text.empty() ? "" : ", ").append(words);
  }
  return text;
}

}  // namespace qbench::sysinfo
