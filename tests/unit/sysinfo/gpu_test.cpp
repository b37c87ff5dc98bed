#include "sysinfo/gpu.h"

#include <doctest/doctest.h>

#include "sysinfo/gpu_probe.h"

using namespace qbench;

TEST_CASE("without the driver's library there is no GPU, and the report says which library is missing") {
  const sysinfo::GpuReport report = sysinfo::read_gpus("libqb-not-there.so.1");
  CHECK(report.gpus.empty());
  CHECK(report.missing == "no GPU driver here (libqb-not-there.so.1 is not installed)");
  CHECK(sysinfo::GpuProbe::open("0000:3b:00.0", "libqb-not-there.so.1") == nullptr);
}

TEST_CASE("a library that is not NVML is named as one that lacks its functions") {
  CHECK(sysinfo::read_gpus("libm.so.6").missing.find("lacks functions") != std::string::npos);
}

TEST_CASE("the driver's GPUs are listed with place, memory and whether they are cut up") {
  const sysinfo::GpuReport report = sysinfo::read_gpus(QB_FAKE_NVML);
  CHECK(report.missing.empty());
  CHECK(report.driver == "580.65.06");
  REQUIRE(report.gpus.size() == 2);
  CHECK(report.gpus[1].name == "Fake B");
  CHECK(report.gpus[1].pci_bus_id == "00000000:5E:00.0");
  CHECK(report.gpus[1].memory_bytes == 1000);
  CHECK(report.gpus[0].mig == true);
  CHECK(report.gpus[1].mig == false);
}

TEST_CASE("free memory is that of the GPU at the place that CUDA names, never of one that is cut up or elsewhere") {
  const sysinfo::GpuReport report = sysinfo::read_gpus(QB_FAKE_NVML);
  CHECK(sysinfo::free_memory_bytes(report, "0000:5e:00.0", 1000) == 600);
  CHECK(sysinfo::free_memory_bytes(report, "0000:5e:00.0", 500) == 500);
  CHECK_FALSE(sysinfo::free_memory_bytes(report, "0000:3b:00.0", 100));
  CHECK_FALSE(sysinfo::free_memory_bytes(report, "0000:99:00.0", 100));
  CHECK_FALSE(sysinfo::free_memory_bytes(report, "", 100));
}

TEST_CASE("PCI places are the same whatever the digits of the domain and the case") {
  CHECK(sysinfo::same_pci_bus_id("0000:3b:00.0", "00000000:3B:00.0"));
  CHECK(sysinfo::same_pci_bus_id("0001:3b:00.0", "00000001:3B:00.0"));
  CHECK_FALSE(sysinfo::same_pci_bus_id("0001:3b:00.0", "0000:3b:00.0"));
  CHECK_FALSE(sysinfo::same_pci_bus_id("0000:3b:00.0", "0000:3c:00.0"));
  CHECK_FALSE(sysinfo::same_pci_bus_id("", ""));
}

TEST_CASE("a probe asks the GPU at its place, and leaves empty what that one does not tell") {
  const auto probe = sysinfo::GpuProbe::open("0000:5e:00.0", QB_FAKE_NVML);
  REQUIRE(probe != nullptr);
  const sysinfo::GpuReading reading = probe->read();
  CHECK(reading.utilization_percent == 80);
  CHECK(reading.memory_clock_mhz == 2619);
  CHECK(reading.power_mw == 350'000);
  CHECK(reading.used_bytes == 400);
  CHECK_FALSE(reading.temperature_c);
  const auto before = probe->energy_mj(), after = probe->energy_mj();
  REQUIRE(before);
  CHECK(*after - *before == 500'000);
  CHECK(sysinfo::GpuProbe::open("0000:3b:00.0", QB_FAKE_NVML)->read().temperature_c == 55);
  CHECK(sysinfo::GpuProbe::open("0000:99:00.0", QB_FAKE_NVML) == nullptr);
  CHECK(sysinfo::GpuProbe::open("", QB_FAKE_NVML) == nullptr);
}

TEST_CASE("power and heat are throttling, idle clocks and clocks that were set are not") {
  for (const std::int64_t bits : {0x0, 0x1, 0x2, 0x10, 0x100}) CHECK_FALSE(sysinfo::is_throttled(bits));
  for (const std::int64_t bits : {0x4, 0x8, 0x20, 0x40, 0x80, 0x5}) CHECK(sysinfo::is_throttled(bits));
  CHECK(sysinfo::describe_throttling(0x25) == "power cap, heat (driver)");
}

TEST_CASE("a GPU's state tells clocks, limits, ECC and who else computes on it") {
  const sysinfo::GpuReport report = sysinfo::read_gpus(QB_FAKE_NVML);
  REQUIRE(report.gpus.size() == 2);
  const sysinfo::GpuState& b = report.gpus[1].state;
  CHECK(b.vbios == "96.00.5E");
  CHECK(b.sm_clock_max_mhz == 1980);
  CHECK(b.memory_clock_mhz == 2619);
  CHECK(b.power_limit_mw == 310'500);
  CHECK(b.power_limit_default_mw == 400'000);
  CHECK(b.ecc == true);
  CHECK(b.ecc_pending == false);
  CHECK(b.persistence == false);
  CHECK(b.foreign_processes == 2);
  CHECK(b.foreign_bytes == 4'000'000'000);
  CHECK_FALSE(report.gpus[0].state.ecc.has_value());
  CHECK(report.gpus[0].state.foreign_processes == 0);
  // A process that computes and is not in the list is in it under another number: of the two, one is it.
  const auto probe = sysinfo::GpuProbe::open("0000:5e:00.0", QB_FAKE_NVML);
  REQUIRE(probe != nullptr);
  CHECK(probe->state().foreign_processes == 1);
  CHECK_FALSE(probe->state().foreign_bytes.has_value());
  CHECK(probe->uuid() == "GPU-b");
}
