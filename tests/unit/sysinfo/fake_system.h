#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "sysinfo/roots.h"
#include "test_support.h"

namespace qbench::test {

/// A made-up /proc, /sys and / in a temporary folder.
class FakeSystem {
 public:
  sysinfo::Roots roots() const { return {folder_.path() / "proc", folder_.path() / "sys", folder_.path() / "root"}; }

  /// Writes a file; path as "proc/meminfo", "sys/fs/cgroup/cpu.max", "root/.dockerenv".
  void write(const std::string& path, const std::string& content) {
    const auto full = folder_.path() / path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full, std::ios::binary) << content;
  }

  /// One processor of the topology.
  void add_processor(int cpu, int package, const std::string& siblings) {
    const std::string base = "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    write(base + "physical_package_id", std::to_string(package) + "\n");
    write(base + "thread_siblings_list", siblings + "\n");
  }

 private:
  TempDir folder_;
};

}  // namespace qbench::test
