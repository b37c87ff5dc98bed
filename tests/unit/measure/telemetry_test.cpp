#include "measure/telemetry.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "measure/machine_facts.h"
#include "sysinfo/process.h"

using namespace qbench;
using namespace qbench::measure;

namespace {

/// Waits until the sampler must have taken entries, however slow the machine is: by its own processor time and clock, not by a fixed sleep.
void work_for(std::int64_t cpu_ns) {
  const std::int64_t until = sysinfo::process_cpu_time_ns() + cpu_ns;
  volatile unsigned counter = 0;
  while (sysinfo::process_cpu_time_ns() < until) counter = counter + 1;
}

}  // namespace

TEST_CASE("a series has an entry at the start and at the end, in order, with memory and processor time") {
  Telemetry telemetry({.interval_ns = 1'000'000});
  const std::int64_t t0 = now_ns();
  CHECK_FALSE(telemetry.running());
  telemetry.start();
  CHECK(telemetry.running());
  work_for(20'000'000);
  const record::TelemetrySeries series = telemetry.stop(t0);
  CHECK_FALSE(telemetry.running());
  REQUIRE(series.time_ns.size() >= 2);
  CHECK(series.rss_bytes.size() == series.time_ns.size());
  CHECK(series.cpu_time_ns.size() == series.time_ns.size());
  CHECK(std::is_sorted(series.time_ns.begin(), series.time_ns.end()));
  CHECK(std::is_sorted(series.cpu_time_ns.begin(), series.cpu_time_ns.end()));
  CHECK(series.time_ns.front() >= 0);
  CHECK(series.cpu_time_ns.front() == 0);
  CHECK(series.rss_bytes.front() > 0);
  CHECK(series.interval_ns == 1'000'000);
  CHECK(series.dropped == 0);
  CHECK(mean_cpu_cores(series).value() > 0);
}

TEST_CASE("a series that is stopped at once still has its first and its last entry") {
  for (int i = 0; i < 20; ++i) {
    Telemetry telemetry;
    telemetry.start();
    const std::int64_t after_start = now_ns();
    const record::TelemetrySeries series = telemetry.stop(after_start);
    REQUIRE(series.time_ns.size() == 2);
    CHECK(series.time_ns.front() <= 0);  // taken by start(), not later by the thread
    CHECK(series.time_ns.back() >= 0);
  }
}

TEST_CASE("entries beyond the prepared memory are counted, not stored") {
  Telemetry telemetry({.interval_ns = 100'000, .capacity = 3});
  telemetry.start();
  work_for(10'000'000);
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const record::TelemetrySeries series = telemetry.stop(now_ns());
  CHECK(series.time_ns.size() <= 3);
  CHECK(series.time_ns.size() + static_cast<std::size_t>(series.dropped) >= 2);
  if (series.dropped > 0) CHECK(series.time_ns.size() == 3);
}

TEST_CASE("a sampler runs again, and stops by itself when it goes") {
  Telemetry telemetry;
  telemetry.start();
  telemetry.stop(now_ns());
  telemetry.start();
  CHECK(telemetry.running());
}

TEST_CASE("a system that hides the resident size gives an empty series and no mean") {
  Telemetry::Options options;
  options.roots.proc = "/nonexistent";
  Telemetry telemetry(options);
  telemetry.start();
  const record::TelemetrySeries series = telemetry.stop(0);
  CHECK(series.time_ns.empty());
  CHECK_FALSE(mean_cpu_cores(series).has_value());
}

TEST_CASE("mean processor use is processor time over time") {
  record::TelemetrySeries series;
  series.time_ns = {-100, 900, 1900};
  series.cpu_time_ns = {0, 500, 3000};
  series.rss_bytes = {1, 1, 1};
  CHECK(mean_cpu_cores(series) == 1.5);
  series.time_ns = {5};
  series.cpu_time_ns = {0};
  CHECK_FALSE(mean_cpu_cores(series).has_value());
}

TEST_CASE("what sysinfo reads of this machine goes into the record") {
  const sysinfo::Machine machine = sysinfo::read_machine();
  const record::MachineFacts facts = machine_facts(machine);
  CHECK(facts.cpu_model == machine.cpu.model);
  CHECK(facts.cores_usable == machine.cpu.usable_physical);
  CHECK(facts.memory_total_bytes.value() > 0);
  CHECK_FALSE(facts.gpus.empty());
  CHECK(build_facts(machine.build).compiler == machine.build.compiler);
}
