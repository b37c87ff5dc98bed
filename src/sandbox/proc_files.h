#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace qbench::sandbox {

/// A file of /proc or of a control group, to its end; empty when it cannot be read.
std::string read_small_file(const char* path);

/// A line of mountinfo(5).
struct Mount {
  std::string root;  ///< which folder of the file system is mounted
  std::string point;
  std::string type;
  std::string options;  ///< of the file system: a cgroup's controllers
};
std::vector<Mount> read_mounts(const std::filesystem::path& mountinfo);

/// When the process started, in clock ticks since boot: with its number it names a process for good. 0 when there is none.
std::uint64_t process_start_ticks(pid_t pid);

/// Processes and threads of a user, as /proc shows them.
std::int64_t count_tasks(uid_t user);

}  // namespace qbench::sandbox
