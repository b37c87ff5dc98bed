#include "sysinfo/memory.h"

#include <doctest/doctest.h>

#include "fake_system.h"

using namespace qbench;
using namespace qbench::sysinfo;

namespace {

const char* const kMeminfo =
    "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    800 kB\nSwapTotal:       500 kB\nSwapFree:        200 kB\n"
    "HugePages_Total:       3\nHugepagesize:       2048 kB\n";

}  // namespace

TEST_CASE("memory, swap and huge pages are read in bytes") {
  test::FakeSystem fake;
  fake.write("proc/meminfo", kMeminfo);
  fake.write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  const MemoryInfo memory = read_memory_info(fake.roots());
  CHECK(memory.total_bytes == 1000 * 1024u);
  CHECK(memory.available_bytes == 800 * 1024u);
  CHECK(memory.swap_used_bytes == 300 * 1024u);
  CHECK(memory.huge_pages_total == 3);
  CHECK(memory.huge_page_bytes == 2048 * 1024u);
  CHECK(memory.transparent_huge_pages == "madvise");
  CHECK_FALSE(memory.limit_bytes.has_value());
  CHECK(usable_memory_bytes(memory) == 800 * 1024u);
}

TEST_CASE("the limit of cgroup v2 leaves what is not used, cache that can be dropped counted as free") {
  test::FakeSystem fake;
  fake.write("proc/meminfo", kMeminfo);
  fake.write("proc/self/cgroup", "0::/job\n");
  fake.write("sys/fs/cgroup/job/memory.max", "512000\n");
  fake.write("sys/fs/cgroup/job/memory.current", "400000\n");
  fake.write("sys/fs/cgroup/job/memory.stat", "anon 1\ninactive_file 300000\n");
  fake.write("sys/fs/cgroup/memory.max", "max\n");
  const MemoryInfo memory = read_memory_info(fake.roots());
  CHECK(memory.limit_bytes == 512000u);
  CHECK(memory.limit_used_bytes == 100000u);
  CHECK(usable_memory_bytes(memory) == 412000u);
}

TEST_CASE("the limit of cgroup v1 is read, its largest number means none") {
  test::FakeSystem fake;
  fake.write("proc/meminfo", kMeminfo);
  fake.write("proc/self/cgroup", "4:memory:/docker/x\n0::/\n");
  fake.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK_FALSE(read_memory_info(fake.roots()).limit_bytes.has_value());
  fake.write("sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "600000\n");
  fake.write("sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes", "700000\n");
  const MemoryInfo memory = read_memory_info(fake.roots());
  CHECK(memory.limit_bytes == 600000u);
  CHECK(usable_memory_bytes(memory) == 0);
}

TEST_CASE("with nothing to read nothing is known, and no exception") {
  test::FakeSystem fake;
  fake.write("proc/meminfo", "MemTotal: many kB\nMemAvailable: -5 kB\nMemTotalX: 3 kB\n");
  const MemoryInfo memory = read_memory_info(fake.roots());
  CHECK_FALSE(memory.total_bytes.has_value());
  CHECK_FALSE(memory.available_bytes.has_value());
  CHECK_FALSE(memory.swap_used_bytes.has_value());
  CHECK(memory.transparent_huge_pages.empty());
  CHECK(usable_memory_bytes(memory) == 0);
}

TEST_CASE("this machine has memory") {
  const MemoryInfo memory = read_memory_info();
  REQUIRE(memory.total_bytes.has_value());
  CHECK(*memory.total_bytes > (1u << 20));
  CHECK(usable_memory_bytes(memory) <= *memory.total_bytes);
}
