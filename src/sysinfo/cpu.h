#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sysinfo/roots.h"

namespace qbench::sysinfo {

struct CpuInfo {
  std::string model;         ///< "AMD EPYC 9654 96-Core Processor"; "unknown" where the kernel does not say
  std::string architecture;  ///< "x86_64"
  int logical = 1;           ///< online logical processors
  int physical = 1;          ///< cores
  int sockets = 1;
  std::vector<int> affinity;          ///< logical processors that this process may run on, ascending
  int usable_physical = 1;            ///< cores with at least one processor in the affinity mask
  std::optional<double> quota_cores;  ///< cgroup's processor time per time, v1 or v2, the smallest on the way up; nothing: no limit
  std::string governor;               ///< of the first usable processor: "performance", "powersave"; empty: not visible
  std::optional<bool> turbo;          ///< boost clocks allowed
  std::optional<double> max_mhz;      ///< highest clock of the first usable processor
  std::vector<std::string> flags;     ///< instruction-set words of /proc/cpuinfo, as they stand
};

/// Never throws: what cannot be read stays at its default.
CpuInfo read_cpu_info(const Roots& roots = {});
/// The same for a given affinity mask.
CpuInfo read_cpu_info(const Roots& roots, std::vector<int> affinity);

/// Clocks of the processors that this process may run on, in MHz.
struct CpuClocks {
  std::optional<double> mean_mhz;  ///< now: of cpufreq, else of /proc/cpuinfo
  std::optional<double> max_mhz;
  std::string governor;
};
/// Cheap enough between cells.
CpuClocks read_cpu_clocks(const Roots& roots = {});

/// Threads to compute with: usable physical cores, at most the quota rounded up, at least 1.
int default_threads(const CpuInfo& cpu);

/// "0-3,8" as a list. Malformed parts are left out.
std::vector<int> parse_cpu_list(std::string_view text);

}  // namespace qbench::sysinfo
