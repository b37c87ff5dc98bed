#pragma once

#include <cstdint>
#include <optional>

#include "sysinfo/roots.h"

namespace qbench::sysinfo {

/// Reads /proc/self/statm for telemetry without allocating: the file stays open. Move-only.
class ProcessProbe {
 public:
  explicit ProcessProbe(const Roots& roots = {});
  ~ProcessProbe();
  ProcessProbe(ProcessProbe&& other) noexcept;
  ProcessProbe& operator=(ProcessProbe&& other) noexcept;

  /// Resident bytes now; nothing where it cannot be read.
  std::optional<std::int64_t> rss_bytes() const noexcept;

 private:
  int statm_ = -1;
  std::int64_t page_bytes_;
};

/// Processor time of all threads of this process since it began, user and system, in nanoseconds (the kernel's precise account, not the 10
/// ms ticks of /proc/self/stat).
std::int64_t process_cpu_time_ns() noexcept;

/// Largest resident size of this process so far (VmHWM, else getrusage).
std::optional<std::int64_t> peak_rss_bytes(const Roots& roots = {});

/// Starts VmHWM anew from the current size, so that the next peak belongs to what follows. False where the kernel refuses.
bool reset_peak_rss(const Roots& roots = {});

}  // namespace qbench::sysinfo
