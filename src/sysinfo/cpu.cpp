#include "sysinfo/cpu.h"

#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "sysinfo/system_files.h"

namespace qbench::sysinfo {
namespace {

constexpr int kMostProcessors = 1 << 16;

/// The affinity mask, however many processors the kernel was built for.
std::vector<int> current_affinity() {
  std::vector<int> cpus;
  for (int size = 1024; size <= kMostProcessors; size *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(static_cast<std::size_t>(size)),
                                                               [](cpu_set_t* s) { CPU_FREE(s); });
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(size));
    if (!set || ::sched_getaffinity(0, bytes, set.get()) != 0) continue;
    for (int cpu = 0; cpu < size; ++cpu) {
      if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, set.get())) cpus.push_back(cpu);
    }
    return cpus;
  }
  return cpus;
}

/// Package and core of each logical processor, from /proc/cpuinfo.
struct CpuinfoEntry {
  int processor = -1, package = 0, core = -1;
};

std::vector<CpuinfoEntry> cpuinfo_entries(std::string_view cpuinfo) {
  std::vector<CpuinfoEntry> entries;
  for (const std::string_view line : split(cpuinfo, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = trim(line.substr(0, colon));
    const auto number = to_int(trim(line.substr(colon + 1)));
    if (!number || *number < 0 || *number > kMostProcessors) continue;
    const int value = static_cast<int>(*number);
    if (key == "processor") entries.push_back({value, 0, -1});
    if (entries.empty()) continue;
    if (key == "physical id") entries.back().package = value;
    if (key == "core id") entries.back().core = value;
  }
  return entries;
}

/// Core of a logical processor as (package, core); each processor is a core of its own where nothing says otherwise.
using CoreId = std::pair<int, int>;

std::map<int, CoreId> map_cores(std::string_view cpuinfo, const Roots& roots) {
  std::map<int, CoreId> cores;
  for (const CpuinfoEntry& entry : cpuinfo_entries(cpuinfo)) {
    cores[entry.processor] = {entry.package, entry.core >= 0 ? entry.core : kMostProcessors + entry.processor};
  }
  const auto online = read_word(roots.sys / "devices/system/cpu/online");
  for (const int cpu : parse_cpu_list(online.value_or(""))) {
    const auto topology = roots.sys / "devices/system/cpu" / ("cpu" + std::to_string(cpu)) / "topology";
    const auto siblings = read_word(topology / "thread_siblings_list");
    const auto package = read_int(topology / "physical_package_id");
    CoreId& core = cores.try_emplace(cpu, CoreId{0, kMostProcessors + cpu}).first->second;
    if (package && *package >= 0 && *package <= kMostProcessors) core.first = static_cast<int>(*package);
    // The smallest sibling names the core: core_id alone repeats over clusters on some machines.
    if (const auto list = parse_cpu_list(siblings.value_or("")); !list.empty()) core.second = list.front();
  }
  return cores;
}

std::optional<double> quota_of(const std::filesystem::path& folder, bool v2) {
  if (v2) {
    const auto word = read_word(folder / "cpu.max");
    if (!word) return std::nullopt;
    const auto parts = split(*word, ' ');
    const auto quota = to_double(parts.front());
    const auto period = parts.size() > 1 ? to_double(parts[1]) : std::optional<double>(100'000.0);
    if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
    return *quota / *period;
  }
  const auto quota = read_int(folder / "cpu.cfs_quota_us");
  const auto period = read_int(folder / "cpu.cfs_period_us");
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<double> cgroup_quota(const Roots& roots) {
  std::optional<double> smallest;
  const CgroupPaths paths = cgroup_paths("cpu", roots);
  for (const auto& folder : paths.folders) {
    const auto quota = quota_of(folder, paths.v2);
    if (quota && (!smallest || *quota < *smallest)) smallest = quota;
  }
  return smallest;
}

std::optional<bool> read_turbo(const Roots& roots) {
  const auto cpu = roots.sys / "devices/system/cpu";
  if (const auto off = read_int(cpu / "intel_pstate/no_turbo")) return *off == 0;
  if (const auto on = read_int(cpu / "cpufreq/boost")) return *on != 0;
  return std::nullopt;
}

void read_model(CpuInfo& info, std::string_view cpuinfo) {
  for (const char* key : {"model name", "Model", "Hardware", "cpu model"}) {
    if (const auto value = value_of(cpuinfo, key); value && !value->empty()) {
      info.model = std::string(*value);
      break;
    }
  }
  if (info.model.empty()) info.model = "unknown";
  const auto flags = value_of(cpuinfo, "flags");
  for (const std::string_view flag : split(flags ? *flags : value_of(cpuinfo, "Features").value_or(""), ' ')) {
    if (!flag.empty()) info.flags.emplace_back(flag);
  }
}

}  // namespace

std::vector<int> parse_cpu_list(std::string_view text) {
  std::set<int> cpus;
  for (const std::string_view part : split(trim(text), ',')) {
    const auto ends = split(part, '-');
    const auto first = to_int(trim(ends.front()));
    const auto last = ends.size() == 2 ? to_int(trim(ends[1])) : first;
    if (ends.size() > 2 || !first || !last || *first < 0 || *last < *first || *last >= kMostProcessors) continue;
    for (std::int64_t cpu = *first; cpu <= *last; ++cpu) cpus.insert(static_cast<int>(cpu));
  }
  return {cpus.begin(), cpus.end()};
}

CpuInfo read_cpu_info(const Roots& roots) { return read_cpu_info(roots, current_affinity()); }

CpuInfo read_cpu_info(const Roots& roots, std::vector<int> affinity) {
  CpuInfo info;
  const std::string cpuinfo = read_file(roots.proc / "cpuinfo").value_or("");
  read_model(info, cpuinfo);
  utsname names{};
  if (::uname(&names) == 0) info.architecture = names.machine;

  const auto cores = map_cores(cpuinfo, roots);
  std::set<CoreId> all, usable;
  std::set<int> packages;
  for (const auto& [cpu, core] : cores) {
    all.insert(core);
    packages.insert(core.first);
  }
  if (affinity.empty()) {
    for (const auto& [cpu, core] : cores) affinity.push_back(cpu);
  }
  for (const int cpu : affinity) {
    const auto core = cores.find(cpu);
    usable.insert(core != cores.end() ? core->second : CoreId{0, kMostProcessors + cpu});
  }
  info.logical = std::max(1, static_cast<int>(cores.size()));
  info.physical = std::max(1, static_cast<int>(all.size()));
  info.sockets = std::max(1, static_cast<int>(packages.size()));
  info.usable_physical = std::max(1, static_cast<int>(usable.size()));
  info.affinity = std::move(affinity);
  info.quota_cores = cgroup_quota(roots);

  const int first = info.affinity.empty() ? 0 : info.affinity.front();
  const auto clock = roots.sys / "devices/system/cpu" / ("cpu" + std::to_string(first)) / "cpufreq";
  info.governor = read_word(clock / "scaling_governor").value_or("");
  if (const auto khz = read_int(clock / "cpuinfo_max_freq"); khz && *khz > 0) info.max_mhz = static_cast<double>(*khz) / 1000.0;
  info.turbo = read_turbo(roots);
  return info;
}

int default_threads(const CpuInfo& cpu) {
  int threads = cpu.usable_physical;
  if (cpu.quota_cores) threads = std::min(threads, static_cast<int>(std::ceil(std::min(*cpu.quota_cores, 65536.0))));
  return std::max(1, threads);
}

CpuClocks read_cpu_clocks(const Roots& roots) {
  const CpuInfo info = read_cpu_info(roots);
  CpuClocks clocks;
  clocks.max_mhz = info.max_mhz;
  clocks.governor = info.governor;
  double sum = 0;
  int known = 0;
  for (const int cpu : info.affinity) {
    const auto khz = read_int(roots.sys / "devices/system/cpu" / ("cpu" + std::to_string(cpu)) / "cpufreq/scaling_cur_freq");
    if (!khz) continue;
    sum += static_cast<double>(*khz) / 1000.0;
    ++known;
  }
  if (known == 0) {
    const std::string text = read_file(roots.proc / "cpuinfo").value_or("");
    for (const std::string_view line : split(text, '\n')) {
      if (!line.starts_with("cpu MHz")) continue;
      const auto mhz = to_double(trim(line.substr(line.find(':') + 1)));
      if (!mhz) continue;
      sum += *mhz;
      ++known;
    }
  }
  if (known > 0) clocks.mean_mhz = sum / known;
  return clocks;
}

}  // namespace qbench::sysinfo
