#pragma once

#include <filesystem>

namespace qbench::run {

/// How often the out-of-memory killer has struck: the kernel's own count and those of this process's control groups, added. Only its rise
/// means something. 0 where nothing can be read. `proc` and `cgroup` are replaced by tests.
long count_oom_kills(const std::filesystem::path& proc = "/proc", const std::filesystem::path& cgroup = "/sys/fs/cgroup");

}  // namespace qbench::run
