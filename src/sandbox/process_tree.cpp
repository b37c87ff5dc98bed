#include "sandbox/process_tree.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "sandbox/proc_files.h"

namespace qbench::sandbox {

namespace {

constexpr unsigned kSharedEvery = 3;          // reading all mappings takes longer than the rest
constexpr std::size_t kMostProcesses = 4096;  // a look stays short whatever happens below

/// All descendants: children are listed with the thread that made them.
std::vector<pid_t> descendants(pid_t root) {
  std::vector<pid_t> all{root};
  for (std::size_t i = 0; i < all.size() && all.size() < kMostProcesses; ++i) {
    const std::string tasks = fmt::format("/proc/{}/task/", all[i]);
    for (const std::string& task : list_folder(tasks)) {
      const std::string children = read_small_file((tasks + task + "/children").c_str());
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

std::uint64_t status_bytes(const std::string& status, std::string_view key) {
  const std::size_t at = status.find(key);
  return at == std::string::npos ? 0 : std::strtoull(status.c_str() + at + key.size(), nullptr, 10) * 1024;
}

}  // namespace

/// Shared pages stay when a process drops them from its tables, and are in nobody's resident set then: the mappings count, each once.
std::uint64_t ProcessTree::shared_bytes(const std::vector<pid_t>& pids) const {
  std::map<unsigned long long, std::uint64_t> by_inode;
  for (const pid_t pid : pids) {
    const std::string maps = read_small_file(fmt::format("/proc/{}/maps", pid).c_str());
    for (std::size_t at = 0; at < maps.size(); at = std::min(maps.find('\n', at), maps.size()) + 1) {
      unsigned long long begin = 0, end = 0, inode = 0;
      char mode[5] = {};
      if (std::sscanf(maps.c_str() + at, "%llx-%llx %4s %*x %*x:%*x %llu", &begin, &end, mode, &inode) != 4 || mode[3] != 's') continue;
      const std::size_t line_end = std::min(maps.find('\n', at), maps.size());
      if (std::string_view(maps).substr(at, line_end - at).find("/dev/zero") == std::string_view::npos) continue;
      by_inode[inode] = std::max<std::uint64_t>(by_inode[inode], end - begin);
    }
  }
  std::uint64_t total = 0;
  for (const auto& [inode, bytes] : by_inode) total += bytes;
  return total;
}

Usage ProcessTree::read() {
  Usage usage;
  std::uint64_t tree_ticks = 0;
  Stat stat;
  if (read_stat(root_, stat)) tree_ticks += stat.waited_ticks;
  const std::vector<pid_t> pids = descendants(root_);
  std::uint64_t private_bytes = 0, shared_resident = 0;  // pages of files are the system's to drop
  for (const pid_t pid : pids) {
    if (!read_stat(pid, stat)) continue;
    const std::string status = read_small_file(fmt::format("/proc/{}/status", pid).c_str());
    private_bytes += status_bytes(status, "\nRssAnon:");
    shared_resident += status_bytes(status, "\nRssShmem:");
    tree_ticks += stat.own_ticks + stat.waited_ticks;
    Seen& seen = seen_[pid];
    if (seen.start_ticks != stat.start_ticks) gone_ticks_ += seen.own_ticks;
    seen = {stat.start_ticks, stat.own_ticks};
  }
  if (looks_++ % kSharedEvery == 0) shared_bytes_ = shared_bytes(pids);
  usage.memory_bytes = private_bytes + std::max(shared_resident, shared_bytes_);
  // Both are lower bounds: the tree misses children that nobody waited for, the list those that came and went between two looks.
  std::uint64_t listed_ticks = gone_ticks_;
  for (const auto& [pid, seen] : seen_) listed_ticks += seen.own_ticks;
  static const double kTicksPerSecond = static_cast<double>(::sysconf(_SC_CLK_TCK));
  usage.cpu_s = static_cast<double>(std::max(tree_ticks, listed_ticks)) / kTicksPerSecond;
  return usage;
}

}  // namespace qbench::sandbox
