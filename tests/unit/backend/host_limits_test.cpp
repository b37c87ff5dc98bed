#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "backend/cpu/host_limits.h"
#include "test_support.h"

namespace qbench::backend {
namespace {

namespace fs = std::filesystem;

/// A made-up host below a temporary folder.
class Host {
 public:
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((dir_.path() / path).parent_path());
    std::ofstream(dir_.path() / path) << text;
  }
  const fs::path& root() const { return dir_.path(); }

 private:
  test::TempDir dir_;
};

constexpr const char* kV2Mount = "30 20 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* kV1Mounts =
    "31 20 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpu,cpuacct\n"
    "32 20 0:29 /docker/abc /sys/fs/cgroup/memory rw shared:6 - cgroup cgroup rw,memory\n";

TEST_CASE("processors that share a core count once") {
  Host host;
  host.write("sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,4\n");
  host.write("sys/devices/system/cpu/cpu4/topology/thread_siblings_list", "0,4\n");
  host.write("sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "1,5\n");
  const std::vector<int> three = {0, 1, 4};
  CHECK(physical_cores(three, host.root()) == 2);
  const std::vector<int> with_unknown = {0, 4, 9};
  CHECK(physical_cores(with_unknown, host.root()) == 2);
}

TEST_CASE("a v2 quota is read from the group and from those above it, the smallest counts") {
  Host host;
  host.write("proc/self/mountinfo", kV2Mount);
  host.write("proc/self/cgroup", "0::/user/job\n");
  host.write("sys/fs/cgroup/user/job/cpu.max", "max 100000\n");
  CHECK(cgroup_processors(host.root()) == std::nullopt);
  host.write("sys/fs/cgroup/user/cpu.max", "250000 100000\n");
  CHECK(cgroup_processors(host.root()) == 2);
  host.write("sys/fs/cgroup/user/job/cpu.max", "50000 100000\n");
  CHECK(cgroup_processors(host.root()) == 1);
}

TEST_CASE("a v1 quota is read, and -1 means none") {
  Host host;
  host.write("proc/self/mountinfo", kV1Mounts);
  host.write("proc/self/cgroup", "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n");
  host.write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "-1\n");
  host.write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
  CHECK(cgroup_processors(host.root()) == std::nullopt);
  host.write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "600000\n");
  CHECK(cgroup_processors(host.root()) == 6);
}

TEST_CASE("a group whose path cannot be seen in this namespace falls back to the mount") {
  Host host;
  host.write("proc/self/mountinfo", kV2Mount);
  host.write("proc/self/cgroup", "0::/../elsewhere\n");
  host.write("sys/fs/cgroup/cpu.max", "300000 100000\n");
  CHECK(cgroup_processors(host.root()) == 3);
}

TEST_CASE("memory is the smallest of the host's and the groups' limits, file pages count as free") {
  Host host;
  host.write("proc/meminfo", "MemTotal:       16000000 kB\nMemFree:  1000 kB\nMemAvailable:   12000000 kB\n");
  HostMemory memory = host_memory(host.root());
  CHECK(memory.total_bytes == 16000000ULL * 1024);
  CHECK(memory.free_bytes == 12000000ULL * 1024);
  host.write("proc/self/mountinfo", std::string(kV2Mount) + kV1Mounts);
  host.write("proc/self/cgroup", "4:memory:/docker/abc\n0::/job\n");
  host.write("sys/fs/cgroup/job/memory.max", "8000000000\n");
  host.write("sys/fs/cgroup/job/memory.current", "3000000000\n");
  host.write("sys/fs/cgroup/job/memory.stat", "anon 1000\ninactive_file 1000000000\n");
  memory = host_memory(host.root());
  CHECK(memory.total_bytes == 8000000000ULL);
  CHECK(memory.free_bytes == 6000000000ULL);
  host.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "4000000000\n");
  host.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "5000000000\n");
  memory = host_memory(host.root());
  CHECK(memory.total_bytes == 4000000000ULL);
  CHECK(memory.free_bytes == 0);
}

TEST_CASE("the processor's name is read, and a host that says nothing gives neither crash nor limit") {
  Host host;
  CHECK(processor_name(host.root()) == "unknown processor");
  CHECK(cgroup_processors(host.root()) == std::nullopt);
  CHECK(host_memory(host.root()).total_bytes == 0);
  host.write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nprocessor\t: 1\nmodel name\t: Other\n");
  CHECK(processor_name(host.root()) == "Some CPU @ 3 GHz");
  host.write("proc/self/mountinfo", "garbage\n- - - -\n");
  host.write("proc/self/cgroup", "x\n0:\n::\n");
  CHECK(cgroup_processors(host.root()) == std::nullopt);
}

TEST_CASE("this process may run on at least one processor") { CHECK_FALSE(affinity_processors().empty()); }

}  // namespace
}  // namespace qbench::backend
