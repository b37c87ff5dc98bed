#include "sysinfo/disturbances.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "sysinfo/gpu_probe.h"

namespace qbench::sysinfo {
namespace {

using Found = std::vector<Disturbance>;

void add(Found& found, const char* id, Severity severity, std::string what, std::string remedy) {
  found.push_back({id, severity, std::move(what), std::move(remedy)});
}

void judge_build(const BuildInfo& build, Found& found) {
  if (!build.sanitizers.empty()) {
    add(found, "sanitizer_build", Severity::kWarning,
        fmt::format("this binary is built with sanitizers ({}): several times slower", build.sanitizers),
        "build with `cmake --preset release`");
  } else if (build.type != "Release" && build.type != "RelWithDebInfo") {
    add(found, "debug_build", Severity::kWarning, fmt::format("this binary's build type is '{}', not Release", build.type),
        "build with `cmake --preset release`");
  }
  if (build.git_dirty.value_or(false)) {
    add(found, "dirty_build", Severity::kNote,
        fmt::format("built from changed files on commit {}: the numbers belong to no commit", build.git_sha.substr(0, 12)),
        "commit before measurements that are to be compared");
  }
}

void judge_clocks(const CpuInfo& cpu, const HostInfo& host, Found& found) {
  if (!cpu.governor.empty() && cpu.governor != "performance") {
    add(found, "governor", Severity::kWarning, fmt::format("the clock governor is '{}', not 'performance'", cpu.governor),
        "sudo cpupower frequency-set -g performance");
  }
  if (cpu.governor.empty()) {
    add(found, "clocks_hidden", Severity::kNote,
        host.virtual_machine ? "a virtual machine: clocks and the host's other guests are not visible"
                             : "the clock governor is not visible here",
        "repeat runs at different times and compare medians");
  }
  if (cpu.turbo.value_or(false)) {
    add(found, "turbo", Severity::kNote, "boost clocks are on: speed depends on temperature and on how many cores work",
        "for comparisons over days switch boost off (cpufreq/boost or intel_pstate/no_turbo), or read medians only");
  }
}

void judge_processor_share(const CpuInfo& cpu, int threads, Found& found) {
  if (threads <= 0) threads = default_threads(cpu);
  if (cpu.quota_cores && *cpu.quota_cores < cpu.usable_physical) {
    add(found, "cpu_quota", Severity::kWarning,
        fmt::format("the control group allows {:.3g} of {} cores: threads are stopped when the share is used up", *cpu.quota_cores,
                    cpu.usable_physical),
        "raise the quota (docker run --cpus), or use --threads at or below it");
  }
  if (threads > cpu.usable_physical) {
    add(found, "oversubscribed", Severity::kWarning,
        fmt::format("{} threads on {} physical cores: two on one core wait for each other", threads, cpu.usable_physical),
        fmt::format("--threads {}", default_threads(cpu)));
  }
  if (static_cast<int>(cpu.affinity.size()) < cpu.logical) {
    add(found, "affinity", Severity::kNote, fmt::format("bound to {} of {} processors", cpu.affinity.size(), cpu.logical),
        "nothing to do where that is meant (taskset, cpuset)");
  }
  if (cpu.sockets > 1) {
    add(found, "numa", Severity::kNote, fmt::format("{} sockets: memory of the other socket is slower", cpu.sockets),
        "bind to one socket: numactl --cpunodebind=0 --membind=0 qbench ...");
  }
}

void judge_load(const Machine& machine, const std::vector<BusyProcess>& busy, Found& found) {
  for (std::size_t i = 0; i < busy.size() && i < 5; ++i) {
    add(found, "busy_process", Severity::kWarning,
        fmt::format("process {} ({}) is using {:.1f} cores", busy[i].pid, busy[i].name, busy[i].cores), "end it, or wait until it is done");
  }
  double explained = 0;
  for (const BusyProcess& process : busy) explained += process.cores;
  const auto load = machine.host.load_average_1m;
  // Half the cores busy before anything was started cannot be this program. Said only where the processes above do not say it already.
  if (load && *load > std::max(0.5, 0.5 * machine.cpu.usable_physical) && explained < 0.5 * *load) {
    add(found, "load", Severity::kWarning,
        fmt::format("the load average of the last minute is {:.2f} on {} cores", *load, machine.cpu.usable_physical),
        "find out what runs (top), and wait until it is done");
  }
}

void judge_memory(const MemoryInfo& memory, Found& found) {
  if (memory.swap_used_bytes.value_or(0) > (std::uint64_t{64} << 20)) {
    add(found, "swap", Severity::kWarning,
        fmt::format("{} of swap are in use: weights may be paged out", format_bytes(*memory.swap_used_bytes)),
        "free memory, then swapoff -a && swapon -a; or run with --mlock");
  }
  if (memory.limit_bytes && memory.total_bytes && *memory.limit_bytes < *memory.total_bytes) {
    add(found, "memory_limit", Severity::kNote, fmt::format("the control group allows {} of memory", format_bytes(*memory.limit_bytes)),
        "models that need more are skipped; raise the limit (docker run --memory)");
  }
  if (memory.transparent_huge_pages == "never" && memory.huge_pages_total == 0) {
    add(found, "huge_pages", Severity::kNote, "no huge pages: reading the weights costs more address translation",
        "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled");
  }
  const std::uint64_t usable = usable_memory_bytes(memory);
  if (usable > 0 && memory.total_bytes && usable < *memory.total_bytes / 10) {
    add(found, "memory_low", Severity::kWarning, fmt::format("only {} of memory are free", format_bytes(usable)),
        "end what holds the memory");
  }
}

constexpr std::int64_t kSetByUser = 0x2;   // nvml.h, nvmlClocksEventReasonApplicationsClocksSetting
constexpr std::int64_t kWarmGpuC = 75;

void judge_gpu_power(const GpuInfo& gpu, const GpuState& s, Found& found) {
  if (s.power_limit_mw && s.power_limit_default_mw && *s.power_limit_mw < *s.power_limit_default_mw) {
    add(found, "gpu_power_limit", Severity::kWarning,
        fmt::format("{}: the power limit is {} W, its own is {} W", gpu.name, *s.power_limit_mw / 1000, *s.power_limit_default_mw / 1000),
        fmt::format("sudo nvidia-smi -i {} -pl {}", gpu.uuid, *s.power_limit_default_mw / 1000));
  }
  if (s.clock_reasons && is_throttled(*s.clock_reasons)) {
    add(found, "gpu_throttled", Severity::kWarning, fmt::format("{}: its clocks are lowered now ({})", gpu.name, describe_throttling(*s.clock_reasons)),
        "let it cool and check power and airflow; samples taken so are left out");
  }
  if (s.clock_reasons && (*s.clock_reasons & kSetByUser) != 0) {
    add(found, "gpu_clocks_set", Severity::kNote,
        fmt::format("{}: someone has set its clocks, {} of at most {} MHz now", gpu.name, s.sm_clock_mhz.value_or(0), s.sm_clock_max_mhz.value_or(0)),
        fmt::format("fine where all compared runs have it; else sudo nvidia-smi -i {} -rac -rgc", gpu.uuid));
  }
  if (s.temperature_c && *s.temperature_c >= kWarmGpuC) {
    add(found, "gpu_warm", Severity::kNote, fmt::format("{}: {} degrees before anything runs", gpu.name, *s.temperature_c),
        "wait until it has cooled");
  }
}

void judge_gpu(const GpuInfo& gpu, Found& found) {
  const GpuState& s = gpu.state;
  if (s.foreign_processes.value_or(0) > 0) {
    add(found, "gpu_processes", Severity::kWarning,
        fmt::format("{}: {} other process{} on it{}", gpu.name, *s.foreign_processes, *s.foreign_processes == 1 ? "" : "es",
                    s.foreign_bytes ? ", holding " + format_bytes(static_cast<std::uint64_t>(*s.foreign_bytes)) : std::string()),
        "end them (nvidia-smi names them), or take another GPU with --device cuda:N");
  }
  judge_gpu_power(gpu, s, found);
  if (s.persistence && !*s.persistence) {
    add(found, "gpu_persistence", Severity::kNote, fmt::format("{}: persistence mode is off: the driver starts anew for each process, and loads take longer", gpu.name),
        fmt::format("sudo nvidia-smi -i {} -pm 1", gpu.uuid));
  }
  if (s.ecc && s.ecc_pending && *s.ecc != *s.ecc_pending) {
    add(found, "gpu_ecc_pending", Severity::kWarning,
        fmt::format("{}: ECC is {} and will be {} after a reset: memory and its speed change then", gpu.name, *s.ecc ? "on" : "off",
                    *s.ecc_pending ? "on" : "off"),
        fmt::format("reset it before measurements that are to be compared (sudo nvidia-smi -i {} -r)", gpu.uuid));
  }
  if (gpu.mig.value_or(false)) {
    add(found, "gpu_mig", Severity::kNote, fmt::format("{}: cut into instances (MIG), of which others may compute at the same time", gpu.name),
        "compare only with runs on an instance of the same size; sudo nvidia-smi -mig 0 undoes it");
  }
}

}  // namespace

Machine read_machine(const Roots& roots) {
  return {read_cpu_info(roots), read_memory_info(roots), read_host_info(roots), read_gpus(), build_info()};
}

std::vector<Disturbance> find_disturbances(const Machine& machine, const std::vector<BusyProcess>& busy, int threads) {
  Found found;
  judge_build(machine.build, found);
  judge_load(machine, busy, found);
  judge_clocks(machine.cpu, machine.host, found);
  judge_processor_share(machine.cpu, threads, found);
  judge_memory(machine.memory, found);
  for (const GpuInfo& gpu : machine.gpu.gpus) judge_gpu(gpu, found);
  return found;
}

}  // namespace qbench::sysinfo
