#include "sandbox/proc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>

#include "sandbox/descriptor.h"

namespace qbench::sandbox {

std::string read_small_file(const char* path) {
  const Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!file) return text;
  char piece[4096];
  for (ssize_t n = 0; (n = ::read(file.get(), piece, sizeof piece)) > 0;) text.append(piece, static_cast<std::size_t>(n));
  return text;
}

std::vector<std::string> list_folder(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
  if (!folder) return names;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

std::vector<pid_t> list_processes() {
  std::vector<pid_t> all;
  for (const std::string& name : list_folder("/proc")) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc() && end == name.data() + name.size()) all.push_back(pid);
  }
  return all;
}

std::vector<Mount> read_mounts(const std::filesystem::path& mountinfo) {
  std::vector<Mount> mounts;
  std::ifstream file(mountinfo);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string skipped, source, word;
    Mount mount;
    words >> skipped >> skipped >> skipped >> mount.root >> mount.point;
    while (words >> word && word != "-") {
    }
    if (words >> mount.type >> source >> mount.options) mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::uint64_t process_start_ticks(pid_t pid) {
  const std::string stat = read_small_file(fmt::format("/proc/{}/stat", pid).c_str());
  const std::size_t name_end = stat.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return 0;
  std::istringstream words(stat.substr(name_end + 1));
  std::string word;
  for (int field = 3; field < 22; ++field) words >> word;
  std::uint64_t start = 0;
  words >> start;
  return start;
}

std::string name_of_this_process(const std::string& prefix) {
  static std::atomic<unsigned> made{0};
  return fmt::format("{}{}-{}-{}", prefix, ::getpid(), process_start_ticks(::getpid()), made.fetch_add(1));
}

bool is_left_behind(const std::string& name, const std::string& prefix) {
  if (!name.starts_with(prefix)) return false;
  long pid = 0;
  unsigned long long start = 0;
  unsigned number = 0;
  if (std::sscanf(name.c_str() + prefix.size(), "%ld-%llu-%u", &pid, &start, &number) != 3 || pid <= 0) return false;
  return process_start_ticks(static_cast<pid_t>(pid)) != start;
}

std::int64_t count_tasks(uid_t user) {
  std::int64_t count = 0;
  for (const pid_t pid : list_processes()) {
    const std::string status = read_small_file(fmt::format("/proc/{}/status", pid).c_str());
    const std::size_t uid = status.find("\nUid:"), threads = status.find("\nThreads:");
    unsigned real = 0;
    int running = 0;
    if (uid == std::string::npos || std::sscanf(status.c_str() + uid, "\nUid: %u", &real) != 1 || real != user) continue;
    if (threads != std::string::npos && std::sscanf(status.c_str() + threads, "\nThreads: %d", &running) == 1) count += running;
  }
  return count;
}

}  // namespace qbench::sandbox
