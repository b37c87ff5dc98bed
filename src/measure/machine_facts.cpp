#include "measure/machine_facts.h"

#include <string>

#include "base/units.h"

namespace qbench::measure {
namespace {

std::optional<std::int64_t> as_signed(const std::optional<std::uint64_t>& value) {
  return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
}

std::string gpu_line(const sysinfo::GpuReport& report) {
  std::string line;
  for (const sysinfo::GpuInfo& gpu : report.gpus) {
    line += (line.empty() ? "" : "; ") + gpu.name;
    if (gpu.memory_bytes) line += ", " + format_bytes(*gpu.memory_bytes);
  }
  return line.empty() ? report.missing : line;
}

}  // namespace

record::MachineFacts machine_facts(const sysinfo::Machine& machine) {
  record::MachineFacts facts;
  facts.host_hash = machine.host.host_hash;
  facts.cpu_model = machine.cpu.model;
  facts.cores_physical = machine.cpu.physical;
  facts.cores_logical = machine.cpu.logical;
  facts.sockets = machine.cpu.sockets;
  facts.cores_usable = machine.cpu.usable_physical;
  facts.cpu_quota_cores = machine.cpu.quota_cores;
  facts.governor = machine.cpu.governor;
  facts.turbo = machine.cpu.turbo;
  facts.memory_total_bytes = as_signed(machine.memory.total_bytes);
  facts.memory_available_bytes = as_signed(machine.memory.available_bytes);
  facts.memory_limit_bytes = as_signed(machine.memory.limit_bytes);
  facts.swap_used_bytes = as_signed(machine.memory.swap_used_bytes);
  facts.page_bytes = static_cast<std::int64_t>(machine.memory.page_bytes);
  facts.huge_pages = machine.memory.transparent_huge_pages;
  facts.kernel = machine.host.kernel;
  facts.os = machine.host.os;
  facts.container = machine.host.container;
  facts.load_average_1m = machine.host.load_average_1m;
  facts.gpus = gpu_line(machine.gpu);
  facts.gpu_driver = machine.gpu.driver;
  return facts;
}

record::BuildFacts build_facts(const sysinfo::BuildInfo& build) {
  return {build.version, build.git_sha, build.git_dirty, build.type, build.compiler, build.flags, build.sanitizers};
}

}  // namespace qbench::measure
