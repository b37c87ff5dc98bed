#include "sandbox/proc_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

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

std::int64_t count_tasks(uid_t user) {
  std::int64_t count = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string status = read_small_file((entry.path() / "status").c_str());
    const std::size_t uid = status.find("\nUid:"), threads = status.find("\nThreads:");
    unsigned real = 0;
    int running = 0;
    if (uid == std::string::npos || std::sscanf(status.c_str() + uid, "\nUid: %u", &real) != 1 || real != user) continue;
    if (threads != std::string::npos && std::sscanf(status.c_str() + threads, "\nThreads: %d", &running) == 1) count += running;
  }
  return count;
}

}  // namespace qbench::sandbox
