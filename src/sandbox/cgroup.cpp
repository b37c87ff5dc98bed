#include "sandbox/cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "sandbox/proc_files.h"

namespace qbench::sandbox {

namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "qbench-";
/// What bubblewrap, the keeper and the kernel's own bookkeeping need beside the program.
constexpr std::uint64_t kOwnBytes = std::uint64_t{12} << 20;
constexpr std::int64_t kOwnTasks = 5;

bool write_value(const fs::path& path, const std::string& value) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

std::uint64_t read_number(const fs::path& path) {
  const std::string text = read_small_file(path.c_str());
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The number behind `key` in a file of lines `key number`.
std::uint64_t read_keyed(const std::string& text, std::string_view key) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (text.compare(at, key.size(), key) == 0 && at + key.size() < end && text[at + key.size()] == ' ') {
      std::uint64_t value = 0;
      std::from_chars(text.data() + at + key.size() + 1, text.data() + end, value);
      return value;
    }
    at = end + 1;
  }
  return 0;
}

/// A folder of a hierarchy, removed with the object; processes that just died may need a moment to leave it.
class GroupFolder {
 public:
  explicit GroupFolder(fs::path path) : path_(std::move(path)), made_(::mkdir(path_.c_str(), 0755) == 0) {}
  GroupFolder(const GroupFolder&) = delete;
  GroupFolder& operator=(const GroupFolder&) = delete;
  ~GroupFolder() {
    if (!made_) return;
    for (int tries = 0; ::rmdir(path_.c_str()) != 0 && errno == EBUSY && tries < 200; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  bool made() const { return made_; }
  const fs::path& path() const { return path_; }
  Descriptor open_processes() const { return Descriptor(::open((path_ / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC)); }

 private:
  fs::path path_;
  bool made_;
};

class UnifiedGroup final : public ControlGroup {
 public:
  static std::unique_ptr<UnifiedGroup> make(const fs::path& path, const Limits& limits) {
    auto group = std::make_unique<UnifiedGroup>(path);
    if (!group->folder_.made() || !write_value(path / "memory.max", std::to_string(limits.memory_bytes + kOwnBytes)) ||
        !write_value(path / "pids.max", std::to_string(limits.processes + kOwnTasks))) {
      return nullptr;
    }
    write_value(path / "memory.swap.max", "0");  // a kernel without swap has no such file
    write_value(path / "memory.oom.group", "1");
    group->processes_ = group->folder_.open_processes();
    group->join_ = {group->processes_.get()};
    return group->processes_ ? std::move(group) : nullptr;
  }
  explicit UnifiedGroup(const fs::path& path) : folder_(path) {}

  const std::vector<int>& join_files() const override { return join_; }
  Usage read() const override {
    const std::string memory = read_small_file((folder_.path() / "memory.stat").c_str());
    return {static_cast<double>(read_keyed(read_small_file((folder_.path() / "cpu.stat").c_str()), "usage_usec")) * 1e-6,
            read_keyed(memory, "anon") + read_keyed(memory, "shmem"),
            read_keyed(read_small_file((folder_.path() / "memory.events").c_str()), "oom_kill") > 0};
  }

 private:
  GroupFolder folder_;
  Descriptor processes_;
  std::vector<int> join_;
};

class HierarchyGroups final : public ControlGroup {
 public:
  static std::unique_ptr<HierarchyGroups> make(const fs::path& memory, const fs::path& pids, const fs::path& cpu, const Limits& limits) {
    auto group = std::make_unique<HierarchyGroups>(memory, pids, cpu);
    const std::string bytes = std::to_string(limits.memory_bytes + kOwnBytes);
    for (const GroupFolder* folder : {&group->memory_, &group->pids_, &group->cpu_}) {
      if (!folder->made()) return nullptr;
    }
    if (!write_value(memory / "memory.limit_in_bytes", bytes) ||
        !write_value(pids / "pids.max", std::to_string(limits.processes + kOwnTasks))) {
      return nullptr;
    }
    write_value(memory / "memory.memsw.limit_in_bytes", bytes);  // a kernel without swap accounting has no such file
    for (const GroupFolder* folder : {&group->memory_, &group->pids_, &group->cpu_}) {
      group->processes_.push_back(folder->open_processes());
      if (!group->processes_.back()) return nullptr;
      group->join_.push_back(group->processes_.back().get());
    }
    return group;
  }
  HierarchyGroups(const fs::path& memory, const fs::path& pids, const fs::path& cpu) : memory_(memory), pids_(pids), cpu_(cpu) {}

  const std::vector<int>& join_files() const override { return join_; }
  Usage read() const override {
    const std::string memory = read_small_file((memory_.path() / "memory.stat").c_str());
    return {static_cast<double>(read_number(cpu_.path() / "cpuacct.usage")) * 1e-9, read_keyed(memory, "rss") + read_keyed(memory, "shmem"),
            read_keyed(read_small_file((memory_.path() / "memory.oom_control").c_str()), "oom_kill") > 0};
  }

 private:
  GroupFolder memory_, pids_, cpu_;
  std::vector<Descriptor> processes_;
  std::vector<int> join_;
};

/// Where the process's group of one hierarchy lies in the file system; empty when that is not mounted, or not below what is.
fs::path group_folder(const std::vector<Mount>& mounts, const std::string& type, const std::string& controller, const std::string& own) {
  for (const Mount& mount : mounts) {
    if (mount.type != type) continue;
    const std::string options = "," + mount.options + ",";
    if (!controller.empty() && options.find("," + controller + ",") == std::string::npos) continue;
    if (mount.root == "/") return mount.point + (own == "/" ? "" : own);
    if (own == mount.root) return mount.point;
    if (own.starts_with(mount.root + "/")) return mount.point + own.substr(mount.root.size());
  }
  return {};
}

/// The process's group in each hierarchy: controllers (as the file lists them; version 2: empty) and path.
std::vector<std::pair<std::string, std::string>> read_membership(const fs::path& path) {
  std::vector<std::pair<std::string, std::string>> all;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second != std::string::npos) all.emplace_back(line.substr(first + 1, second - first - 1), line.substr(second + 1));
  }
  return all;
}

bool lists(const std::string& controllers, const std::string& name) {
  return ("," + controllers + ",").find("," + name + ",") != std::string::npos;
}

}  // namespace

std::optional<ControlGroups> ControlGroups::find(std::string& why, const fs::path& mountinfo, const fs::path& membership) {
  const std::vector<Mount> mounts = read_mounts(mountinfo);
  ControlGroups groups;
  std::vector<fs::path> unified;  // a group that holds processes cannot have children that limit, so the process's own is rarely right
  for (const auto& [controllers, own] : read_membership(membership)) {
    if (controllers.empty()) {
      const fs::path folder = group_folder(mounts, "cgroup2", "", own);
      if (!folder.empty()) unified = {folder, folder.parent_path()};
      continue;
    }
    if (lists(controllers, "memory")) groups.memory_ = group_folder(mounts, "cgroup", "memory", own);
    if (lists(controllers, "pids")) groups.pids_ = group_folder(mounts, "cgroup", "pids", own);
    if (lists(controllers, "cpuacct")) groups.cpu_ = group_folder(mounts, "cgroup", "cpuacct", own);
  }
  for (const fs::path& folder : unified) {
    const std::string offered = read_small_file((folder / "cgroup.subtree_control").c_str());
    if (offered.find("memory") == std::string::npos || offered.find("pids") == std::string::npos) continue;
    if (::access((folder / "cgroup.procs").c_str(), W_OK) != 0) continue;
    groups.unified_ = folder;
    break;
  }
  if (groups.unified_.empty() && (groups.memory_.empty() || groups.pids_.empty() || groups.cpu_.empty())) {
    why = "no hierarchy offers memory and pids to this process's group";
    return std::nullopt;
  }
  groups.remove_left_behind();
  if (groups.make(Limits{}) == nullptr) {
    why = std::string("control groups cannot be made here: ") + std::strerror(errno);
    return std::nullopt;
  }
  return groups;
}

/// Below this process's own groups, and below their neighbours: another command of the same user may have run in another one.
void ControlGroups::remove_left_behind() const {
  for (const fs::path& own : {unified_, memory_, pids_, cpu_}) {
    if (own.empty()) continue;
    std::vector<fs::path> parents{own};
    const fs::path above = own.parent_path();
    if (fs::exists(above / "cgroup.procs")) {
      for (const std::string& name : list_folder(above)) parents.push_back(above / name);
    }
    for (const fs::path& parent : parents) {
      for (const std::string& name : list_folder(parent)) {
        if (is_left_behind(name, kPrefix)) ::rmdir((parent / name).c_str());  // fails where something runs in it
      }
    }
  }
}

std::unique_ptr<ControlGroup> ControlGroups::make(const Limits& limits) const {
  const std::string name = name_of_this_process(kPrefix);
  if (!unified_.empty()) return UnifiedGroup::make(unified_ / name, limits);
  return HierarchyGroups::make(memory_ / name, pids_ / name, cpu_ / name, limits);
}

}  // namespace qbench::sandbox
