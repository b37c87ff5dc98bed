#pragma once

#include <cstdint>
#include <optional>

#include "sysinfo/roots.h"

namespace qbench::sysinfo {

/// Reads /proc/self for telemetry without allocating: the files stay open. Move-only.
class ProcessProbe {
 public:
  explicit ProcessProbe(const Roots& roots = {});
  ~ProcessProbe();
  ProcessProbe(ProcessProbe&& other) noexcept;
  ProcessProbe& operator=(ProcessProbe&& other) noexcept;

  /// Resident bytes now (statm); nothing where it cannot be read.
  std::optional<std::int64_t> rss_bytes() const noexcept;
  /// Processor time of all threads since the process began, user and system (stat), in nanoseconds.
  std::optional<std::int64_t> cpu_time_ns() const noexcept;

 private:
  int statm_ = -1;
  int stat_ = -1;
  std::int64_t page_bytes_;
  std::int64_t tick_ns_;
};

/// Largest resident size of this process so far (VmHWM, else getrusage).
std::optional<std::int64_t> peak_rss_bytes(const Roots& roots = {});

/// Starts VmHWM anew from the current size, so that the next peak belongs to what follows. False where the kernel refuses.
bool reset_peak_rss(const Roots& roots = {});

}  // namespace qbench::sysinfo
