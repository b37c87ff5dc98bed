#include "sysinfo/nvml.h"

#include <dlfcn.h>

#include <array>

namespace qbench::sysinfo {
namespace {

template <class F>
bool find(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(::dlsym(library, name));
  return function != nullptr;
}

template <class Ask>
std::string text_of(Ask&& ask) {
  std::array<char, 256> buffer{};
  return ask(buffer.data(), static_cast<unsigned>(buffer.size() - 1)) == Nvml::kSuccess ? std::string(buffer.data()) : std::string();
}

/// What function(device, ..., &value) says; nothing where it is missing or fails.
template <class T, class F, class... Arguments>
std::optional<T> number_of(F function, NvmlDevice device, Arguments... arguments) {
  T value{};
  if (function == nullptr || function(device, arguments..., &value) != Nvml::kSuccess) return std::nullopt;
  return value;
}

}  // namespace

bool Nvml::find_functions() {
  Functions& f = functions_;
  find(library_, "nvmlDeviceGetPciInfo_v3", f.pci);
  find(library_, "nvmlDeviceGetMigMode", f.mig);
  find(library_, "nvmlDeviceGetUtilizationRates", f.utilization);
  find(library_, "nvmlDeviceGetClockInfo", f.clock);
  find(library_, "nvmlDeviceGetPowerUsage", f.power);
  find(library_, "nvmlDeviceGetTemperature", f.temperature);
  // Renamed in driver 535; older ones have the former name.
  if (!find(library_, "nvmlDeviceGetCurrentClocksEventReasons", f.clock_reasons))
    find(library_, "nvmlDeviceGetCurrentClocksThrottleReasons", f.clock_reasons);
  find(library_, "nvmlDeviceGetTotalEnergyConsumption", f.energy);
  find(library_, "nvmlDeviceGetVbiosVersion", f.vbios);
  find(library_, "nvmlDeviceGetMaxClockInfo", f.max_clock);
  find(library_, "nvmlDeviceGetEnforcedPowerLimit", f.power_limit);
  find(library_, "nvmlDeviceGetPowerManagementDefaultLimit", f.default_power_limit);
  find(library_, "nvmlDeviceGetEccMode", f.ecc);
  find(library_, "nvmlDeviceGetPersistenceMode", f.persistence);
  find(library_, "nvmlDeviceGetComputeRunningProcesses_v3", f.processes);
  return find(library_, "nvmlInit_v2", f.init) && find(library_, "nvmlShutdown", f.shutdown) &&
         find(library_, "nvmlSystemGetDriverVersion", f.driver_version) && find(library_, "nvmlDeviceGetCount_v2", f.count) &&
         find(library_, "nvmlDeviceGetHandleByIndex_v2", f.handle) && find(library_, "nvmlDeviceGetName", f.name) &&
         find(library_, "nvmlDeviceGetUUID", f.uuid) && find(library_, "nvmlDeviceGetMemoryInfo", f.memory) &&
         find(library_, "nvmlErrorString", f.error_string);
}

std::unique_ptr<Nvml> Nvml::open(const std::string& library, std::string& why) {
  std::unique_ptr<Nvml> nvml(new Nvml);
  nvml->library_ = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (nvml->library_ == nullptr) {
    why = "no GPU driver here (" + library + " is not installed)";
    return nullptr;
  }
  if (!nvml->find_functions()) {
    why = "the GPU driver's " + library + " lacks functions that NVML has";
    return nullptr;
  }
  if (const int code = nvml->functions_.init(); code != kSuccess) {
    why = std::string("the GPU driver does not start: ") + nvml->functions_.error_string(code);
    return nullptr;
  }
  nvml->started_ = true;
  return nvml;
}

Nvml::~Nvml() {
  if (started_) functions_.shutdown();
  if (library_ != nullptr) ::dlclose(library_);
}

std::string Nvml::driver_version() const {
  return text_of([&](char* to, unsigned size) { return functions_.driver_version(to, size); });
}

std::optional<unsigned> Nvml::count(std::string& why) const {
  unsigned count = 0;
  const int code = functions_.count(&count);
  if (code == kSuccess) return count;
  why = std::string("the GPU driver does not list its devices: ") + functions_.error_string(code);
  return std::nullopt;
}

NvmlDevice Nvml::device(unsigned index) const {
  NvmlDevice device = nullptr;
  return functions_.handle(index, &device) == kSuccess ? device : nullptr;
}

std::string Nvml::name(NvmlDevice device) const {
  return text_of([&](char* to, unsigned size) { return functions_.name(device, to, size); });
}

std::string Nvml::uuid(NvmlDevice device) const {
  return text_of([&](char* to, unsigned size) { return functions_.uuid(device, to, size); });
}

std::string Nvml::pci_bus_id(NvmlDevice device) const {
  const auto pci = number_of<NvmlPciInfo>(functions_.pci, device);
  return pci ? std::string(pci->bus_id) : std::string();
}

std::optional<bool> Nvml::mig(NvmlDevice device) const {
  unsigned current = 0, pending = 0;
  if (functions_.mig == nullptr || functions_.mig(device, &current, &pending) != kSuccess) return std::nullopt;
  return current != 0;
}

std::optional<NvmlMemory> Nvml::memory(NvmlDevice device) const { return number_of<NvmlMemory>(functions_.memory, device); }

std::optional<unsigned> Nvml::utilization_percent(NvmlDevice device) const {
  const auto both = number_of<NvmlUtilization>(functions_.utilization, device);
  return both ? std::optional(both->gpu) : std::nullopt;
}

std::optional<unsigned> Nvml::clock_mhz(NvmlDevice device, Clock clock) const {
  return number_of<unsigned>(functions_.clock, device, static_cast<int>(clock));
}

std::optional<unsigned> Nvml::power_mw(NvmlDevice device) const { return number_of<unsigned>(functions_.power, device); }

std::optional<unsigned> Nvml::temperature_c(NvmlDevice device) const {
  constexpr int kGpuSensor = 0;
  return number_of<unsigned>(functions_.temperature, device, kGpuSensor);
}

std::optional<unsigned long long> Nvml::clock_reasons(NvmlDevice device) const {
  return number_of<unsigned long long>(functions_.clock_reasons, device);
}

std::optional<unsigned long long> Nvml::energy_mj(NvmlDevice device) const {
  return number_of<unsigned long long>(functions_.energy, device);
}

std::string Nvml::vbios(NvmlDevice device) const {
  if (functions_.vbios == nullptr) return {};
  return text_of([&](char* to, unsigned size) { return functions_.vbios(device, to, size); });
}

std::optional<unsigned> Nvml::max_clock_mhz(NvmlDevice device, Clock clock) const {
  return number_of<unsigned>(functions_.max_clock, device, static_cast<int>(clock));
}

std::optional<unsigned> Nvml::power_limit_mw(NvmlDevice device) const { return number_of<unsigned>(functions_.power_limit, device); }

std::optional<unsigned> Nvml::default_power_limit_mw(NvmlDevice device) const {
  return number_of<unsigned>(functions_.default_power_limit, device);
}

std::optional<std::pair<bool, bool>> Nvml::ecc(NvmlDevice device) const {
  unsigned current = 0, pending = 0;
  if (functions_.ecc == nullptr || functions_.ecc(device, &current, &pending) != kSuccess) return std::nullopt;
  return std::pair(current != 0, pending != 0);
}

std::optional<bool> Nvml::persistence(NvmlDevice device) const {
  const auto mode = number_of<unsigned>(functions_.persistence, device);
  return mode ? std::optional(*mode != 0) : std::nullopt;
}

std::optional<std::vector<NvmlProcess>> Nvml::compute_processes(NvmlDevice device) const {
  std::vector<NvmlProcess> processes(256);
  auto count = static_cast<unsigned>(processes.size());
  if (functions_.processes == nullptr || functions_.processes(device, &count, processes.data()) != kSuccess || count > processes.size())
    return std::nullopt;
  processes.resize(count);
  return processes;
}

}  // namespace qbench::sysinfo
