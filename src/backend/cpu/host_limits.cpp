#include "backend/cpu/host_limits.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

namespace qbench::backend {
namespace fs = std::filesystem;
namespace {

/// These files are small and may be missing: no text then.
std::string read_small(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return file ? text.str() : std::string();
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return std::nullopt;
  text.remove_prefix(first);
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc()) return std::nullopt;
  return value;
}

/// The number behind `key` at the start of a line.
std::optional<std::uint64_t> number_after(const std::string& text, std::string_view key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key)) return parse_number(std::string_view(line).substr(key.size()));
  }
  return std::nullopt;
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (list.substr(0, comma) == word) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

/// This process's path in the hierarchy of `controller` (v1), or in the unified one ("").
std::optional<std::string> group_path(const fs::path& root, std::string_view controller) {
  std::istringstream lines(read_small(root / "proc/self/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view list = std::string_view(line).substr(first + 1, second - first - 1);
    if (controller.empty() ? list.empty() : has_word(list, controller)) return line.substr(second + 1);
  }
  return std::nullopt;
}

struct Mount {
  std::string root;  ///< which group the mount shows
  fs::path point;
};

/// Where that hierarchy is mounted (proc(5), mountinfo: id parent device root point options ... - type source super-options).
std::optional<Mount> group_mount(const fs::path& root, std::string_view controller) {
  std::istringstream lines(read_small(root / "proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, mount_root, point, word;
    fields >> id >> parent >> device >> mount_root >> point;
    while (fields >> word && word != "-") {
    }
    std::string type, source, options;
    fields >> type >> source >> options;
    const bool match = controller.empty() ? type == "cgroup2" : type == "cgroup" && has_word(options, controller);
    if (match) return Mount{mount_root, root / fs::path(point).relative_path()};
  }
  return std::nullopt;
}

/// The folders of this process's group and of all groups above it, as far as they can be seen.
std::vector<fs::path> group_folders(const fs::path& root, std::string_view controller) {
  const auto path = group_path(root, controller);
  const auto mount = group_mount(root, controller);
  if (!path || !mount) return {};
  std::string below = *path;
  if (mount->root != "/" && below.starts_with(mount->root)) below = below.substr(mount->root.size());
  std::vector<fs::path> folders;
  const fs::path relative = fs::path(below).relative_path().lexically_normal();
  const bool inside = relative.empty() || *relative.begin() != "..";  // a path outside the namespace's root cannot be followed
  std::error_code ignored;
  for (fs::path p = relative; inside && !p.empty() && p != "."; p = p.parent_path()) {
    if (fs::is_directory(mount->point / p, ignored)) folders.push_back(mount->point / p);
  }
  folders.push_back(mount->point);
  return folders;
}

void lower(std::optional<double>& limit, double value) { limit = limit ? std::min(*limit, value) : value; }

}  // namespace

int physical_cores(std::span<const int> processors, const fs::path& root) {
  std::set<std::string> cores;
  for (const int processor : processors) {
    const std::string name = "cpu" + std::to_string(processor);
    std::string siblings = read_small(root / "sys/devices/system/cpu" / name / "topology/thread_siblings_list");
    cores.insert(siblings.empty() ? name : std::move(siblings));
  }
  return static_cast<int>(cores.size());
}

std::optional<int> cgroup_processors(const fs::path& root) {
  std::optional<double> limit;
  for (const fs::path& folder : group_folders(root, "")) {
    std::istringstream text(read_small(folder / "cpu.max"));  // "max 100000" or "150000 100000"
    std::string quota;
    double period = 0;
    text >> quota >> period;
    const auto number = parse_number(quota);
    if (number && period > 0) lower(limit, static_cast<double>(*number) / period);
  }
  for (const fs::path& folder : group_folders(root, "cpu")) {
    const auto quota = parse_number(read_small(folder / "cpu.cfs_quota_us"));  // -1 is no limit and no number here
    const auto period = parse_number(read_small(folder / "cpu.cfs_period_us"));
    if (quota && period && *period > 0) lower(limit, static_cast<double>(*quota) / static_cast<double>(*period));
  }
  if (!limit) return std::nullopt;
  return static_cast<int>(std::clamp(*limit, 1.0, 1e6));
}

std::vector<int> affinity_processors() {
  std::vector<int> processors;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) processors.push_back(i);
  }
  return processors;
}

HostMemory host_memory(const fs::path& root) {
  const std::string meminfo = read_small(root / "proc/meminfo");
  HostMemory memory;
  memory.total_bytes = number_after(meminfo, "MemTotal:").value_or(0) * 1024;
  memory.free_bytes = number_after(meminfo, "MemAvailable:").value_or(0) * 1024;
  const auto apply = [&](const fs::path& folder, const char* limit_file, const char* usage_file, const char* inactive_key) {
    const auto limit = parse_number(read_small(folder / limit_file));
    if (!limit) return;
    memory.total_bytes = std::min(memory.total_bytes, *limit);
    const std::uint64_t used = parse_number(read_small(folder / usage_file)).value_or(0);
    const std::uint64_t inactive = number_after(read_small(folder / "memory.stat"), inactive_key).value_or(0);
    const std::uint64_t held = used - std::min(used, inactive);
    memory.free_bytes = std::min(memory.free_bytes, *limit - std::min(*limit, held));
  };
  for (const fs::path& folder : group_folders(root, "")) apply(folder, "memory.max", "memory.current", "inactive_file ");
  for (const fs::path& folder : group_folders(root, "memory")) {
    apply(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ");
  }
  return memory;
}

std::string processor_name(const fs::path& root) {
  std::istringstream lines(read_small(root / "proc/cpuinfo"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("model name")) continue;
    const auto colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

}  // namespace qbench::backend
