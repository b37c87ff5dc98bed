#pragma once

#include <filesystem>

namespace qbench::sysinfo {

/// Where the system's own files are; tests point them at made-up trees.
struct Roots {
  std::filesystem::path proc = "/proc";
  std::filesystem::path sys = "/sys";
  std::filesystem::path root = "/";  ///< for /etc/os-release, /.dockerenv and the like
};

}  // namespace qbench::sysinfo
