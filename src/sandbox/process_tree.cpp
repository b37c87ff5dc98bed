#include "sandbox/process_tree.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "sandbox/proc_files.h"

namespace qbench::sandbox {

namespace {

constexpr std::size_t kMostProcesses = 4096;  // a look stays short whatever happens below

/// All descendants: children are listed with the thread that made them.
std::vector<pid_t> descendants(pid_t root) {
  std::vector<pid_t> all{root};
  for (std::size_t i = 0; i < all.size() && all.size() < kMostProcesses; ++i) {
    std::error_code ignored;
    for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", all[i]), ignored)) {
      const std::string children = read_small_file((task.path() / "children").c_str());
      const char* at = children.c_str();
      for (char* end = nullptr;; at = end) {
        const long pid = std::strtol(at, &end, 10);
        if (end == at) break;
        all.push_back(static_cast<pid_t>(pid));
      }
    }
  }
  all.erase(all.begin());
  return all;
}

struct Stat {
  std::uint64_t own_ticks = 0, waited_ticks = 0, start_ticks = 0;
};

bool read_stat(pid_t pid, Stat& stat) {
  const std::string text = read_small_file(fmt::format("/proc/{}/stat", pid).c_str());
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return false;
  unsigned long user = 0, system = 0;
  long waited_user = 0, waited_system = 0;
  unsigned long long start = 0;
  if (std::sscanf(text.c_str() + name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld %*d %*d %*d %*d %llu", &user,
                  &system, &waited_user, &waited_system, &start) != 5) {
    return false;
  }
  stat = {user + system, static_cast<std::uint64_t>(waited_user + waited_system), start};
  return true;
}

std::uint64_t memory_bytes(pid_t pid) {
  const std::string status = read_small_file(fmt::format("/proc/{}/status", pid).c_str());
  std::uint64_t total = 0;
  for (const char* key : {"\nRssAnon:", "\nRssShmem:"}) {  // pages of files are the system's to drop
    const std::size_t at = status.find(key);
    if (at != std::string::npos) total += std::strtoull(status.c_str() + at + std::string_view(key).size(), nullptr, 10) * 1024;
  }
  return total;
}

}  // namespace

Usage ProcessTree::read() {
  Usage usage;
  std::uint64_t tree_ticks = 0;
  Stat stat;
  if (read_stat(root_, stat)) tree_ticks += stat.waited_ticks;
  for (const pid_t pid : descendants(root_)) {
    if (!read_stat(pid, stat)) continue;
    usage.memory_bytes += memory_bytes(pid);
    tree_ticks += stat.own_ticks + stat.waited_ticks;
    Seen& seen = seen_[pid];
    if (seen.start_ticks != stat.start_ticks) gone_ticks_ += seen.own_ticks;
    seen = {stat.start_ticks, stat.own_ticks};
  }
  // Both are lower bounds: the tree misses children that nobody waited for, the list those that came and went between two looks.
  std::uint64_t listed_ticks = gone_ticks_;
  for (const auto& [pid, seen] : seen_) listed_ticks += seen.own_ticks;
  static const double kTicksPerSecond = static_cast<double>(::sysconf(_SC_CLK_TCK));
  usage.cpu_s = static_cast<double>(std::max(tree_ticks, listed_ticks)) / kTicksPerSecond;
  return usage;
}

}  // namespace qbench::sandbox
