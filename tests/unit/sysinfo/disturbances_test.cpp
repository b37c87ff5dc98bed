#include "sysinfo/disturbances.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

using namespace qbench;
using namespace qbench::sysinfo;

namespace {

/// A machine on which nothing disturbs.
Machine quiet_machine() {
  Machine m;
  m.cpu.model = "X";
  m.cpu.logical = 8;
  m.cpu.physical = m.cpu.usable_physical = 8;
  m.cpu.affinity = {0, 1, 2, 3, 4, 5, 6, 7};
  m.cpu.governor = "performance";
  m.cpu.turbo = false;
  m.memory.total_bytes = 64'000'000'000;
  m.memory.available_bytes = 60'000'000'000;
  m.memory.swap_used_bytes = 0;
  m.memory.transparent_huge_pages = "madvise";
  m.host.load_average_1m = 0.1;
  m.build.type = "Release";
  m.build.git_dirty = false;
  return m;
}

std::set<std::string> ids(const Machine& machine, const std::vector<BusyProcess>& busy = {}, int threads = 0) {
  std::set<std::string> found;
  for (const Disturbance& d : find_disturbances(machine, busy, threads)) {
    CHECK_FALSE(d.what.empty());
    CHECK_FALSE(d.remedy.empty());
    found.insert(d.id);
  }
  return found;
}

template <class Change>
std::set<std::string> after(Change change) {
  Machine machine = quiet_machine();
  change(machine);
  return ids(machine);
}

using Ids = std::set<std::string>;

}  // namespace

TEST_CASE("a quiet machine has nothing to say") { CHECK(ids(quiet_machine()) == Ids{}); }

TEST_CASE("each disturbance is found by itself") {
  CHECK(after([](Machine& m) { m.cpu.governor = "powersave"; }) == Ids{"governor"});
  CHECK(after([](Machine& m) { m.cpu.governor.clear(); }) == Ids{"clocks_hidden"});
  CHECK(after([](Machine& m) { m.cpu.turbo = true; }) == Ids{"turbo"});
  CHECK(after([](Machine& m) { m.build.type = "Debug"; }) == Ids{"debug_build"});
  CHECK(after([](Machine& m) { m.build.type = ""; }) == Ids{"debug_build"});
  CHECK(after([](Machine& m) { m.build.sanitizers = "address,undefined"; }) == Ids{"sanitizer_build"});
  CHECK(after([](Machine& m) { m.build.git_dirty = true; }) == Ids{"dirty_build"});
  CHECK(after([](Machine& m) { m.host.load_average_1m = 6.0; }) == Ids{"load"});
  CHECK(after([](Machine& m) { m.cpu.quota_cores = 2.5; }) == Ids{"cpu_quota"});
  CHECK(after([](Machine& m) { m.cpu.quota_cores = 8.0; }) == Ids{});
  CHECK(after([](Machine& m) { m.cpu.affinity = {0, 1}; }) == Ids{"affinity"});
  CHECK(after([](Machine& m) { m.cpu.sockets = 2; }) == Ids{"numa"});
  CHECK(after([](Machine& m) { m.memory.swap_used_bytes = 1'000'000'000; }) == Ids{"swap"});
  CHECK(after([](Machine& m) { m.memory.transparent_huge_pages = "never"; }) == Ids{"huge_pages"});
  CHECK(after([](Machine& m) { m.memory.limit_bytes = 32'000'000'000; }) == Ids{"memory_limit"});
  CHECK(after([](Machine& m) { m.memory.available_bytes = 1'000'000'000; }) == Ids{"memory_low"});
}

TEST_CASE("more threads than physical cores is oversubscription, and the remedy names the number") {
  CHECK(ids(quiet_machine(), {}, 8) == Ids{});
  CHECK(ids(quiet_machine(), {}, 9) == Ids{"oversubscribed"});
  CHECK(find_disturbances(quiet_machine(), {}, 16).front().remedy == "--threads 8");
}

TEST_CASE("busy processes are named, and the load average is said only where they do not explain it") {
  Machine machine = quiet_machine();
  machine.host.load_average_1m = 7;
  CHECK(ids(machine, {{4711, "cc1plus", 0.98}}) == Ids{"busy_process", "load"});
  CHECK(ids(machine, {{4711, "x", 2.0}, {4712, "y", 1.6}}) == Ids{"busy_process"});
  machine.host.load_average_1m = 1;
  const auto found = find_disturbances(machine, {{4711, "cc1plus", 0.98}}, 0);
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == "busy_process");
  CHECK(found[0].what == "process 4711 (cc1plus) is using 1.0 cores");
}

TEST_CASE("what disturbs on a GPU is found by itself, with what to do") {
  const auto with = [](auto change) {
    Machine machine = quiet_machine();
    GpuInfo gpu;
    gpu.name = "G";
    gpu.uuid = "GPU-1";
    gpu.state.power_limit_mw = gpu.state.power_limit_default_mw = 400'000;
    gpu.state.clock_reasons = 1;  // idle
    gpu.state.persistence = true;
    gpu.state.ecc = gpu.state.ecc_pending = true;
    gpu.state.foreign_processes = 0;
    gpu.state.temperature_c = 40;
    change(gpu);
    machine.gpu.gpus = {gpu};
    return ids(machine);
  };
  CHECK(with([](GpuInfo&) {}) == Ids{});
  CHECK(with([](GpuInfo& g) { g.state = {}; }) == Ids{});
  CHECK(with([](GpuInfo& g) { g.state.power_limit_mw = 310'000; }) == Ids{"gpu_power_limit"});
  CHECK(with([](GpuInfo& g) { g.state.power_limit_mw = 500'000; }) == Ids{});
  CHECK(with([](GpuInfo& g) { g.state.clock_reasons = 0x40; }) == Ids{"gpu_throttled"});
  CHECK(with([](GpuInfo& g) { g.state.clock_reasons = 0x2; }) == Ids{"gpu_clocks_set"});
  CHECK(with([](GpuInfo& g) { g.state.temperature_c = 80; }) == Ids{"gpu_warm"});
  CHECK(with([](GpuInfo& g) { g.state.persistence = false; }) == Ids{"gpu_persistence"});
  CHECK(with([](GpuInfo& g) { g.state.ecc_pending = false; }) == Ids{"gpu_ecc_pending"});
  CHECK(with([](GpuInfo& g) { g.state.foreign_processes = 2; }) == Ids{"gpu_processes"});
  CHECK(with([](GpuInfo& g) { g.mig = true; }) == Ids{"gpu_mig"});
  Machine machine = quiet_machine();
  machine.gpu.gpus.resize(1);
  machine.gpu.gpus[0].name = "G";
  machine.gpu.gpus[0].uuid = "GPU-1";
  machine.gpu.gpus[0].state.power_limit_mw = 310'000;
  machine.gpu.gpus[0].state.power_limit_default_mw = 400'000;
  const auto found = find_disturbances(machine, {}, 0);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what == "G: the power limit is 310 W, its own is 400 W");
  CHECK(found[0].remedy == "sudo nvidia-smi -i GPU-1 -pl 400");
}
