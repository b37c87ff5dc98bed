#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace qbench::sysinfo {

/// The few functions of NVML's stable C interface that are asked here. The library comes with the driver and is loaded at run time, so the build
/// needs neither it nor its header, and a machine without a GPU runs the same binary. https://docs.nvidia.com/deploy/nvml-api/
using NvmlDevice = struct nvmlDevice_st*;

struct NvmlMemory {
  unsigned long long total, free, used;  // bytes
};

struct NvmlUtilization {
  unsigned gpu, memory;  // percent of the driver's last sampling period
};

struct NvmlPciInfo {
  char bus_id_legacy[16];
  unsigned domain, bus, device, device_id, subsystem_id;
  char bus_id[32];  ///< "00000000:3B:00.0"
};

/// nvmlProcessInfo_t of the functions with the suffix _v3.
struct NvmlProcess {
  static constexpr unsigned long long kUnknown = ~0ULL;
  unsigned pid;
  unsigned long long used_bytes;  ///< kUnknown: the driver does not say it
  unsigned gpu_instance, compute_instance;
};

/// One loaded and started NVML; ends when the object goes.
class Nvml {
 public:
  static constexpr int kSuccess = 0;
  enum class Clock : int { kSm = 1, kMemory = 2 };

  /// Nothing where it does not load or start; `why` then says it in a clause. Never throws.
  static std::unique_ptr<Nvml> open(const std::string& library, std::string& why);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  /// Of the driver, "580.65.06"; empty where it does not say.
  std::string driver_version() const;
  /// Nothing where the driver does not list its devices; `why` then says it.
  std::optional<unsigned> count(std::string& why) const;
  NvmlDevice device(unsigned index) const;  ///< nullptr where there is none

  // Of one device; nothing, or an empty text, where the driver or the GPU does not tell.
  std::string name(NvmlDevice device) const;
  std::string uuid(NvmlDevice device) const;
  std::string pci_bus_id(NvmlDevice device) const;
  std::optional<bool> mig(NvmlDevice device) const;
  std::optional<NvmlMemory> memory(NvmlDevice device) const;
  std::optional<unsigned> utilization_percent(NvmlDevice device) const;
  std::optional<unsigned> clock_mhz(NvmlDevice device, Clock clock) const;
  std::optional<unsigned> power_mw(NvmlDevice device) const;
  std::optional<unsigned> temperature_c(NvmlDevice device) const;
  std::optional<unsigned long long> clock_reasons(NvmlDevice device) const;  ///< bits of ClockReason
  std::optional<unsigned long long> energy_mj(NvmlDevice device) const;      ///< since the driver was loaded
  std::string vbios(NvmlDevice device) const;
  std::optional<unsigned> max_clock_mhz(NvmlDevice device, Clock clock) const;
  std::optional<unsigned> power_limit_mw(NvmlDevice device) const;  ///< in force
  std::optional<unsigned> default_power_limit_mw(NvmlDevice device) const;
  std::optional<std::pair<bool, bool>> ecc(NvmlDevice device) const;  ///< now, and after the next reset
  std::optional<bool> persistence(NvmlDevice device) const;
  std::optional<std::vector<NvmlProcess>> compute_processes(NvmlDevice device) const;

 private:
  Nvml() = default;
  struct Functions {
    int (*init)();
    int (*shutdown)();
    int (*driver_version)(char*, unsigned);
    int (*count)(unsigned*);
    int (*handle)(unsigned, NvmlDevice*);
    int (*name)(NvmlDevice, char*, unsigned);
    int (*uuid)(NvmlDevice, char*, unsigned);
    int (*memory)(NvmlDevice, NvmlMemory*);
    const char* (*error_string)(int);
    // What an older driver may lack is nullptr then.
    int (*pci)(NvmlDevice, NvmlPciInfo*);
    int (*mig)(NvmlDevice, unsigned*, unsigned*);
    int (*utilization)(NvmlDevice, NvmlUtilization*);
    int (*clock)(NvmlDevice, int, unsigned*);
    int (*power)(NvmlDevice, unsigned*);
    int (*temperature)(NvmlDevice, int, unsigned*);
    int (*clock_reasons)(NvmlDevice, unsigned long long*);
    int (*energy)(NvmlDevice, unsigned long long*);
    int (*vbios)(NvmlDevice, char*, unsigned);
    int (*max_clock)(NvmlDevice, int, unsigned*);
    int (*power_limit)(NvmlDevice, unsigned*);
    int (*default_power_limit)(NvmlDevice, unsigned*);
    int (*ecc)(NvmlDevice, unsigned*, unsigned*);
    int (*persistence)(NvmlDevice, unsigned*);
    int (*processes)(NvmlDevice, unsigned*, NvmlProcess*);
  };
  bool find_functions();

  void* library_ = nullptr;
  bool started_ = false;
  Functions functions_{};
};

}  // namespace qbench::sysinfo
