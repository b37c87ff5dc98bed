#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sysinfo/roots.h"

namespace qbench::sysinfo {

struct MemoryInfo {
  std::optional<std::uint64_t> total_bytes;      ///< MemTotal
  std::optional<std::uint64_t> available_bytes;  ///< MemAvailable
  std::optional<std::uint64_t> swap_total_bytes, swap_used_bytes;
  std::optional<std::uint64_t> limit_bytes;       ///< cgroup's, v1 or v2, the smallest on the way up; nothing: no limit
  std::optional<std::uint64_t> limit_used_bytes;  ///< charged to that cgroup, page cache that can be dropped taken off
  std::uint64_t page_bytes = 4096;
  std::string transparent_huge_pages;  ///< "always", "madvise", "never"; empty: not visible
  std::uint64_t huge_pages_total = 0, huge_page_bytes = 0;
};

/// Never throws.
MemoryInfo read_memory_info(const Roots& roots = {});

/// What this process may still use: MemAvailable, at most what the cgroup's limit leaves; 0 when nothing is known.
std::uint64_t usable_memory_bytes(const MemoryInfo& memory);

}  // namespace qbench::sysinfo
