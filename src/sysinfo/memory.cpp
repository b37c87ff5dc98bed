#include "sysinfo/memory.h"

#include <unistd.h>

#include <algorithm>

#include "sysinfo/system_files.h"

namespace qbench::sysinfo {
namespace {

/// "24684084 kB" of a line of /proc/meminfo, in bytes.
std::optional<std::uint64_t> meminfo_bytes(std::string_view meminfo, std::string_view key) {
  const auto value = value_of(meminfo, key);
  if (!value) return std::nullopt;
  const auto number = to_int(split(*value, ' ').front());
  if (!number || *number < 0 || *number > (std::int64_t{1} << 50)) return std::nullopt;
  return static_cast<std::uint64_t>(*number) * 1024;
}

/// Limits at or above this are v1's way to say "none" (the largest number of whole pages).
constexpr std::int64_t kNoLimit = std::int64_t{1} << 62;

void read_cgroup(MemoryInfo& memory, const Roots& roots) {
  const CgroupPaths paths = cgroup_paths("memory", roots);
  for (const auto& folder : paths.folders) {
    const auto limit = read_int(folder / (paths.v2 ? "memory.max" : "memory.limit_in_bytes"));
    if (!limit || *limit < 0 || *limit >= kNoLimit) continue;
    if (memory.limit_bytes && static_cast<std::uint64_t>(*limit) >= *memory.limit_bytes) continue;
    memory.limit_bytes = static_cast<std::uint64_t>(*limit);
    memory.limit_used_bytes.reset();
    const auto used = read_int(folder / (paths.v2 ? "memory.current" : "memory.usage_in_bytes"));
    if (!used || *used < 0) continue;
    const std::string stat = read_file(folder / "memory.stat").value_or("");
    const auto droppable = to_int(value_of(stat, paths.v2 ? "inactive_file" : "total_inactive_file").value_or("0")).value_or(0);
    memory.limit_used_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, *used - std::max<std::int64_t>(0, droppable)));
  }
}

/// "always [madvise] never": the word in brackets.
std::string chosen_word(std::string_view text) {
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  return std::string(text.substr(open + 1, close - open - 1));
}

}  // namespace

MemoryInfo read_memory_info(const Roots& roots) {
  MemoryInfo memory;
  const std::string meminfo = read_file(roots.proc / "meminfo").value_or("");
  memory.total_bytes = meminfo_bytes(meminfo, "MemTotal");
  memory.available_bytes = meminfo_bytes(meminfo, "MemAvailable");
  memory.swap_total_bytes = meminfo_bytes(meminfo, "SwapTotal");
  const auto swap_free = meminfo_bytes(meminfo, "SwapFree");
  if (memory.swap_total_bytes && swap_free)
    memory.swap_used_bytes = *memory.swap_total_bytes - std::min(*swap_free, *memory.swap_total_bytes);
  memory.huge_page_bytes = meminfo_bytes(meminfo, "Hugepagesize").value_or(0);
  const auto huge = to_int(value_of(meminfo, "HugePages_Total").value_or(""));
  memory.huge_pages_total = huge && *huge > 0 ? static_cast<std::uint64_t>(*huge) : 0;
  const long page = ::sysconf(_SC_PAGESIZE);
  if (page > 0) memory.page_bytes = static_cast<std::uint64_t>(page);
  memory.transparent_huge_pages = chosen_word(read_word(roots.sys / "kernel/mm/transparent_hugepage/enabled").value_or(""));
  read_cgroup(memory, roots);
  return memory;
}

std::uint64_t usable_memory_bytes(const MemoryInfo& memory) {
  const std::uint64_t available = memory.available_bytes.value_or(0);
  if (!memory.limit_bytes) return available;
  const std::uint64_t used = std::min(memory.limit_used_bytes.value_or(0), *memory.limit_bytes);
  const std::uint64_t left = *memory.limit_bytes - used;
  return memory.available_bytes ? std::min(available, left) : left;
}

}  // namespace qbench::sysinfo
