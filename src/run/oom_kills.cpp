#include "run/oom_kills.h"

#include <fstream>
#include <string>

namespace qbench::run {
namespace {

namespace fs = std::filesystem;

/// Value of the line `key N`.
long value_of(const fs::path& path, const std::string& key) {
  std::ifstream in(path);
  std::string word;
  long value = 0;
  while (in >> word >> value) {
    if (word == key) return value;
  }
  return 0;
}

}  // namespace

long count_oom_kills(const fs::path& proc, const fs::path& cgroup) {
  long kills = value_of(proc / "vmstat", "oom_kill");
  std::ifstream groups(proc / "self" / "cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t controllers = line.find(':');
    const std::size_t path = controllers == std::string::npos ? controllers : line.find(':', controllers + 1);
    if (path == std::string::npos) continue;
    const std::string group = line.substr(path + 1);
    const bool version_2 = line.starts_with("0::");
    const bool memory = line.find("memory") < path;
    if (version_2) kills += value_of(cgroup / fs::path(group).relative_path() / "memory.events", "oom_kill");
    if (!version_2 && memory) kills += value_of(cgroup / "memory" / fs::path(group).relative_path() / "memory.oom_control", "oom_kill");
  }
  return kills;
}

}  // namespace qbench::run
