#include "sysinfo/process.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <utility>

#include "fake_system.h"
#include "sysinfo/build.h"
#include "sysinfo/gpu.h"

using namespace qbench;
using namespace qbench::sysinfo;

TEST_CASE("resident size is the second number of statm, in pages") {
  test::FakeSystem fake;
  fake.write("proc/self/statm", "765 403 375 5 0 123 0\n");
  const ProcessProbe probe(fake.roots());
  CHECK(probe.rss_bytes() == 403 * std::int64_t{::sysconf(_SC_PAGESIZE)});
  fake.write("proc/self/statm", "765\n");
  CHECK_FALSE(ProcessProbe(fake.roots()).rss_bytes().has_value());
  test::FakeSystem empty;
  CHECK_FALSE(ProcessProbe(empty.roots()).rss_bytes().has_value());
}

TEST_CASE("memory that is touched shows in the resident size and in the peak") {
  ProcessProbe first;
  ProcessProbe probe = std::move(first);
  const auto before = probe.rss_bytes();
  REQUIRE(before.has_value());
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  const auto block = std::make_unique<char[]>(kBytes);
  std::memset(block.get(), 1, kBytes);
  const auto after = probe.rss_bytes();
  REQUIRE(after.has_value());
  CHECK(*after >= *before + static_cast<std::int64_t>(kBytes) * 9 / 10);
  CHECK(peak_rss_bytes().value() >= *after * 9 / 10);
}

TEST_CASE("the peak is VmHWM in bytes, and without it what getrusage says") {
  test::FakeSystem fake;
  fake.write("proc/self/status", "Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t    1988 kB\n");
  CHECK(peak_rss_bytes(fake.roots()) == 1988 * 1024);
  test::FakeSystem empty;
  CHECK(peak_rss_bytes(empty.roots()).value() > 0);
}

TEST_CASE("processor time grows with work") {
  const std::int64_t before = process_cpu_time_ns();
  volatile unsigned counter = 0;
  while (process_cpu_time_ns() < before + 2'000'000) counter = counter + 1;
  CHECK(process_cpu_time_ns() >= before + 2'000'000);
}

TEST_CASE("without a GPU driver the report says so and names what is missing") {
  const GpuReport report = read_gpus("libqbench-no-such-driver.so.1");
  CHECK(report.gpus.empty());
  CHECK(report.missing == "no GPU driver here (libqbench-no-such-driver.so.1 is not installed)");
  // A library that is there and is no driver.
  CHECK(read_gpus("libc.so.6").missing == "the GPU driver's libc.so.6 lacks functions that NVML has");
  const GpuReport here = read_gpus();
  CHECK(here.gpus.empty() == !here.missing.empty());
}

TEST_CASE("the build knows its version, compiler and, in a checkout, its commit") {
  const BuildInfo& build = build_info();
  CHECK_FALSE(build.version.empty());
  CHECK_FALSE(build.compiler.empty());
  CHECK((build.git_sha.empty() || build.git_sha.size() == 40));
  CHECK(build.git_sha.empty() == !build.git_dirty.has_value());
}
