#include "cli/cmd_doctor.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "backend/backend.h"
#include "base/environment.h"
#include "base/units.h"
#include "cli/devices.h"
#include "cli/output.h"
#include "sysinfo/disturbances.h"

namespace qbench::cli {
namespace {

using nlohmann::ordered_json;

constexpr const char* kExamples = R"(Examples:
  qbench doctor
  qbench doctor --json | python3 -m json.tool)";

template <class T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json();
}

ordered_json machine_json(const sysinfo::Machine& m) {
  ordered_json gpus = ordered_json::array();
  for (const sysinfo::GpuInfo& gpu : m.gpu.gpus) {
    gpus.push_back(
        {{"name", gpu.name}, {"memory_bytes", or_null(gpu.memory_bytes)}, {"memory_free_bytes", or_null(gpu.memory_free_bytes)}});
  }
  return {{"cpu",
           {{"model", m.cpu.model},
            {"logical", m.cpu.logical},
            {"physical", m.cpu.physical},
            {"usable_physical", m.cpu.usable_physical},
            {"quota_cores", or_null(m.cpu.quota_cores)},
            {"governor", m.cpu.governor},
            {"turbo", or_null(m.cpu.turbo)}}},
          {"memory",
           {{"total_bytes", or_null(m.memory.total_bytes)},
            {"usable_bytes", sysinfo::usable_memory_bytes(m.memory)},
            {"limit_bytes", or_null(m.memory.limit_bytes)},
            {"transparent_huge_pages", m.memory.transparent_huge_pages}}},
          {"host",
           {{"os", m.host.os},
            {"kernel", m.host.kernel},
            {"container", m.host.container},
            {"virtual_machine", m.host.virtual_machine},
            {"load_average_1m", or_null(m.host.load_average_1m)},
            {"host_hash", m.host.host_hash}}},
          {"gpu", {{"gpus", gpus}, {"driver", m.gpu.driver}, {"missing", m.gpu.missing}}},
          {"build",
           {{"version", m.build.version},
            {"git_sha", m.build.git_sha},
            {"git_dirty", or_null(m.build.git_dirty)},
            {"type", m.build.type},
            {"compiler", m.build.compiler},
            {"sanitizers", m.build.sanitizers}}}};
}

ordered_json device_json() {
  const auto device = Devices().make({});
  const backend::DeviceInfo info = device->device();
  return {{"name", info.name},
          {"description", info.description},
          {"instruction_sets", info.instruction_sets},
          {"attention_path", info.attention_path},
          {"threads", info.threads},
          {"memory_bytes", info.memory_bytes},
          {"memory_free_bytes", info.memory_free_bytes}};
}

ordered_json devices_json() {
  ordered_json all = ordered_json::array();
  for (const DeviceListing& device : Devices::list()) {
    all.push_back({{"name", device.name}, {"available", device.missing.empty()}, {"missing", device.missing}});
  }
  return all;
}

ordered_json disturbances_json(const std::vector<sysinfo::Disturbance>& found) {
  ordered_json all = ordered_json::array();
  for (const sysinfo::Disturbance& d : found) {
    all.push_back({{"id", d.id},
                   {"severity", d.severity == sysinfo::Severity::kWarning ? "warning" : "note"},
                   {"what", d.what},
                   {"remedy", d.remedy}});
  }
  return all;
}

std::string report_text(const sysinfo::Machine& m, const ordered_json& device, const std::vector<sysinfo::Disturbance>& found) {
  const auto line = [](const char* name, const std::string& value) { return fmt::format("{:<14}{}\n", name, value); };
  std::string text = line("processor", fmt::format("{}, {} of {} cores usable", m.cpu.model, m.cpu.usable_physical, m.cpu.physical));
  text += line("device", fmt::format("{}: {}, {} threads", device["name"].get<std::string>(), device["instruction_sets"].get<std::string>(),
                                     device["threads"].get<int>()));
  for (const DeviceListing& other : Devices::list()) {
    if (other.name == device["name"].get<std::string>()) continue;
    const char* const here = other.name == backend::kEmulatedDevice ? "here: the CUDA core on the host, to check what it computes" : "here";
    text += line("", other.name + ": " + (other.missing.empty() ? here : "missing: " + other.missing));
  }
  text += line("attention", device["attention_path"].get<std::string>());
  text += line("memory", fmt::format("{} usable of {}", format_bytes(sysinfo::usable_memory_bytes(m.memory)),
                                     format_bytes(m.memory.total_bytes.value_or(0))));
  if (m.gpu.gpus.empty()) text += line("gpu", m.gpu.missing);
  for (const sysinfo::GpuInfo& gpu : m.gpu.gpus)
    text += line("gpu", fmt::format("{}, driver {}; this build has no CUDA core", gpu.name, m.gpu.driver));
  text += line("system", fmt::format("{}, {}, container: {}", m.host.os, m.host.kernel, m.host.container));
  text += line("build", fmt::format("{} {} {}{}", m.build.version, m.build.type, m.build.compiler,
                                    m.build.sanitizers.empty() ? "" : ", sanitizers: " + m.build.sanitizers));
  text += line("hub cache", hf_hub_cache_dir().string());
  if (found.empty()) return text + "\nNothing found that would disturb a measurement.\n";
  text += "\nWhat will disturb a measurement:\n";
  for (const sysinfo::Disturbance& d : found) {
    text += fmt::format("  {} {}\n    {}\n", d.severity == sysinfo::Severity::kWarning ? "warning:" : "note:   ", d.what, d.remedy);
  }
  return text;
}

int run(bool json) {
  const sysinfo::Machine machine = sysinfo::read_machine();
  const ordered_json device = device_json();
  const std::vector<sysinfo::Disturbance> found = sysinfo::find_disturbances(machine, sysinfo::find_busy_processes());
  if (json) {
    ordered_json document = machine_json(machine);
    document["device"] = device;
    document["devices"] = devices_json();
    document["disturbances"] = disturbances_json(found);
    write_output_json(document);
  } else {
    write_output(report_text(machine, device, found));
  }
  return kExitFine;
}

}  // namespace

Command add_doctor(CLI::App& root) {
  const auto json = std::make_shared<bool>(false);
  CLI::App* command = root.add_subcommand("doctor", "What this machine is, can do, and what will disturb a measurement");
  command->add_flag("--json", *json, "One JSON document");
  command->footer(kExamples);
  return {"doctor", [json](Invocation&) { return run(*json); }};
}

}  // namespace qbench::cli
