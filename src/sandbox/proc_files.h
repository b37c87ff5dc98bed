#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace qbench::sandbox {

/// A file of /proc or of a control group, to its end; empty when it cannot be read.
std::string read_small_file(const char* path);

/// Names of what is in a folder, "." and ".." aside; never throws, since folders of /proc vanish while they are read.
std::vector<std::string> list_folder(const std::string& path);

/// Numbers of all processes that /proc shows.
std::vector<pid_t> list_processes();

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

/// PREFIX-PID-START-N, new with every call: what is named so and outlives its process can be told from what is in use.
std::string name_of_this_process(const std::string& prefix);

/// Whether `name` is such a name, of a process that is no more.
bool is_left_behind(const std::string& name, const std::string& prefix);

/// Processes and threads of a user, as /proc shows them.
std::int64_t count_tasks(uid_t user);

}  // namespace qbench::sandbox
