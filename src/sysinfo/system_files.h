#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/split.h"
#include "sysinfo/roots.h"

/// Small files of /proc and /sys, read without exceptions.
namespace qbench::sysinfo {

/// The whole file, at most 16 MiB; nothing when it cannot be read.
std::optional<std::string> read_file(const std::filesystem::path& path);

/// read_file without white space at both ends.
std::optional<std::string> read_word(const std::filesystem::path& path);

/// A file that holds one decimal number; nothing else ("max") counts as none.
std::optional<std::int64_t> read_int(const std::filesystem::path& path);

std::string_view trim(std::string_view text);
std::optional<std::int64_t> to_int(std::string_view text);
std::optional<double> to_double(std::string_view text);

/// Value of `key` in lines "key: value" or "key value", trimmed.
std::optional<std::string_view> value_of(std::string_view text, std::string_view key);

/// Folders of this process's control group, from its own up to the hierarchy's root: what a container sees as root counts as root.
struct CgroupPaths {
  bool v2 = false;
  std::vector<std::filesystem::path> folders;
};
/// The hierarchy that limits `controller` ("cpu", "memory"): v1's where the controller is mounted so, else v2's.
CgroupPaths cgroup_paths(std::string_view controller, const Roots& roots);

}  // namespace qbench::sysinfo
