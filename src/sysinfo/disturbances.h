#pragma once

#include <string>
#include <vector>

#include "sysinfo/build.h"
#include "sysinfo/cpu.h"
#include "sysinfo/gpu.h"
#include "sysinfo/host.h"
#include "sysinfo/memory.h"

namespace qbench::sysinfo {

/// Everything about the machine, read once.
struct Machine {
  CpuInfo cpu;
  MemoryInfo memory;
  HostInfo host;
  GpuReport gpu;
  BuildInfo build;
};

/// Never throws.
Machine read_machine(const Roots& roots = {});

enum class Severity { kNote, kWarning };

/// Something that will disturb a measurement here, and what to do about it.
struct Disturbance {
  std::string id;  ///< "governor", "turbo", "debug_build", "load", "busy_process", "cpu_quota", "oversubscribed", "swap", "huge_pages", ...
  Severity severity = Severity::kWarning;
  std::string what;    ///< one line: what is the case, with the value found
  std::string remedy;  ///< one line: what to do
};

/// Judges what was read; a pure function. threads: those that will compute; 0: default_threads.
std::vector<Disturbance> find_disturbances(const Machine& machine, const std::vector<BusyProcess>& busy, int threads = 0);

}  // namespace qbench::sysinfo
