#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace qbench::backend {

/// What this process may use of the host. `root` stands for "/" so that tests can describe other hosts.

/// Distinct physical cores among the processors: those that share /sys/devices/system/cpu/cpuN/topology/thread_siblings_list count once; a
/// processor without that file counts as a core.
int physical_cores(std::span<const int> processors, const std::filesystem::path& root = "/");

/// Whole processors that the control groups of this process (v1 and v2, every level up to the mount) allow; nothing when unlimited. Less
/// than one counts as one.
std::optional<int> cgroup_processors(const std::filesystem::path& root = "/");

/// Processors that this thread may run on.
std::vector<int> affinity_processors();

/// Memory in bytes: what this process may use in all, the smaller of physical memory and the control groups' limits; and what is free of
/// that now (MemAvailable; a group's limit less its usage, whose inactive file pages count as free). 0 where /proc/meminfo does not say.
struct HostMemory {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
};
HostMemory host_memory(const std::filesystem::path& root = "/");

/// "AMD EPYC": the processor's model name from /proc/cpuinfo, or "unknown processor".
std::string processor_name(const std::filesystem::path& root = "/");

}  // namespace qbench::backend
