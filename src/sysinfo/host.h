#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sysinfo/roots.h"

namespace qbench::sysinfo {

struct HostInfo {
  std::string host_hash;         ///< first 16 hex digits of the hostname's SHA-256: tells machines apart without naming them
  std::string kernel;            ///< "Linux 6.1.0-18-amd64"
  std::string os;                ///< PRETTY_NAME of os-release
  std::string container;         ///< "docker", "podman", "kubernetes", "lxc", "wsl", "gvisor", "none": a guess from what such places leave
  bool virtual_machine = false;  ///< the hypervisor bit in /proc/cpuinfo
  std::optional<double> load_average_1m;
};

/// Never throws.
HostInfo read_host_info(const Roots& roots = {});

/// /proc/loadavg alone: cheap enough between repetitions.
std::optional<double> read_load_average(const Roots& roots = {});

/// Another process that is using the processor.
struct BusyProcess {
  int pid = 0;
  std::string name;
  double cores = 0;  ///< processor seconds per second over the window
};

/// Looks at all visible processes twice, `window_ms` apart, and returns those (this one and its ancestors left out) that used at least
/// `least_cores`, busiest first. Sleeps for the window.
std::vector<BusyProcess> find_busy_processes(int window_ms = 300, double least_cores = 0.2, const Roots& roots = {});

}  // namespace qbench::sysinfo
