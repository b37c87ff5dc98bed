#include "sysinfo/cpu.h"

#include <doctest/doctest.h>

#include "fake_system.h"

using namespace qbench;
using namespace qbench::sysinfo;

namespace {

const char* const kCpuinfo =
    "processor\t: 0\nmodel name\t: AMD EPYC 9654 96-Core Processor\nphysical id\t: 0\ncore id\t\t: 0\nflags\t\t: fpu avx2 hypervisor\n\n"
    "processor\t: 1\nmodel name\t: AMD EPYC 9654 96-Core Processor\nphysical id\t: 0\ncore id\t\t: 1\nflags\t\t: fpu avx2 hypervisor\n\n"
    "processor\t: 2\nphysical id\t: 1\ncore id\t\t: 0\n\nprocessor\t: 3\nphysical id\t: 1\ncore id\t\t: 1\n\n";

}  // namespace

TEST_CASE("lists of processors are read as the kernel writes them") {
  CHECK(parse_cpu_list("0-3,8\n") == std::vector<int>{0, 1, 2, 3, 8});
  CHECK(parse_cpu_list("5") == std::vector<int>{5});
  CHECK(parse_cpu_list("2,0-1,1") == std::vector<int>{0, 1, 2});
  CHECK(parse_cpu_list("").empty());
  CHECK(parse_cpu_list("x,3-1,-2,1-2-3,99999999999,7") == std::vector<int>{7});
}

TEST_CASE("cores and sockets come from the topology folders") {
  test::FakeSystem fake;
  fake.write("proc/cpuinfo", "processor : 0\nmodel name : X\n");
  fake.write("sys/devices/system/cpu/online", "0-7\n");
  // Two sockets of two cores with two threads each; siblings are four apart.
  for (int cpu = 0; cpu < 8; ++cpu) {
    const int core = cpu % 4;
    fake.add_processor(cpu, core / 2, std::to_string(core) + "," + std::to_string(core + 4));
  }
  const CpuInfo all = read_cpu_info(fake.roots(), {0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(all.model == "X");
  CHECK(all.logical == 8);
  CHECK(all.physical == 4);
  CHECK(all.sockets == 2);
  CHECK(all.usable_physical == 4);
  CHECK(read_cpu_info(fake.roots(), {0, 4}).usable_physical == 1);
  CHECK(read_cpu_info(fake.roots(), {0, 1, 4}).usable_physical == 2);
  CHECK(default_threads(read_cpu_info(fake.roots(), {0, 4})) == 1);
}

TEST_CASE("without topology folders /proc/cpuinfo says which processors share a core") {
  test::FakeSystem fake;
  fake.write("proc/cpuinfo", kCpuinfo);
  const CpuInfo info = read_cpu_info(fake.roots(), {0, 1, 2, 3});
  CHECK(info.model == "AMD EPYC 9654 96-Core Processor");
  CHECK(info.logical == 4);
  CHECK(info.physical == 4);
  CHECK(info.sockets == 2);
  CHECK(info.flags == std::vector<std::string>{"fpu", "avx2", "hypervisor"});
}

TEST_CASE("with nothing to read there is one core per processor of the mask, and no exception") {
  test::FakeSystem fake;
  const CpuInfo info = read_cpu_info(fake.roots(), {0, 1, 5});
  CHECK(info.model == "unknown");
  CHECK(info.usable_physical == 3);
  CHECK(info.governor.empty());
  CHECK_FALSE(info.turbo.has_value());
  CHECK_FALSE(info.quota_cores.has_value());
  CHECK(default_threads(info) == 3);
}

TEST_CASE("the processor quota of cgroup v2 is the smallest on the way to the root") {
  test::FakeSystem fake;
  fake.write("proc/self/cgroup", "0::/a/b\n");
  fake.write("sys/fs/cgroup/cpu.max", "max 100000\n");
  fake.write("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  fake.write("sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
  const CpuInfo info = read_cpu_info(fake.roots(), {0, 1, 2, 3});
  CHECK(info.quota_cores == 1.5);
  CHECK(default_threads(info) == 2);
}

TEST_CASE("a control group that lies outside what the container sees counts as its root") {
  test::FakeSystem fake;
  fake.write("proc/self/cgroup", "0::/../../outside\n");
  fake.write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  CHECK(read_cpu_info(fake.roots(), {0, 1}).quota_cores == 0.5);
  CHECK(default_threads(read_cpu_info(fake.roots(), {0, 1})) == 1);
}

TEST_CASE("the processor quota of cgroup v1 is read from the cpu controller, -1 is none") {
  test::FakeSystem fake;
  fake.write("proc/self/cgroup", "4:memory:/m\n3:cpu,cpuacct:/docker/x\n0::/\n");
  fake.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  fake.write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  CHECK_FALSE(read_cpu_info(fake.roots(), {0}).quota_cores.has_value());
  fake.write("sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "300000\n");
  fake.write("sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");
  CHECK(read_cpu_info(fake.roots(), {0}).quota_cores == 3.0);
}

TEST_CASE("governor, clock and boost are those of the first usable processor") {
  test::FakeSystem fake;
  fake.write("sys/devices/system/cpu/online", "0-3\n");
  fake.write("sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "powersave\n");
  fake.write("sys/devices/system/cpu/cpu2/cpufreq/cpuinfo_max_freq", "3700000\n");
  fake.write("sys/devices/system/cpu/cpufreq/boost", "1\n");
  const CpuInfo info = read_cpu_info(fake.roots(), {2, 3});
  CHECK(info.governor == "powersave");
  CHECK(info.max_mhz == 3700.0);
  CHECK(info.turbo == true);
  fake.write("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
  CHECK(read_cpu_info(fake.roots(), {2}).turbo == false);
}

TEST_CASE("this machine has at least one core") {
  const CpuInfo info = read_cpu_info();
  CHECK(info.logical >= 1);
  CHECK(info.usable_physical >= 1);
  CHECK_FALSE(info.affinity.empty());
  CHECK(default_threads(info) >= 1);
  CHECK(default_threads(info) <= static_cast<int>(info.affinity.size()));
}

TEST_CASE("clocks come from cpufreq, and from /proc/cpuinfo where that is hidden") {
  test::FakeSystem system;
  system.write("proc/cpuinfo", "processor\t: 0\ncpu MHz\t\t: 2000.5\n\nprocessor\t: 1\ncpu MHz\t\t: 2001.5\n");
  CHECK(sysinfo::read_cpu_clocks(system.roots()).mean_mhz.value() == doctest::Approx(2001.0));
}
