#include "cli/cmd_doctor.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "backend/backend.h"
#include "base/environment.h"
#include "base/units.h"
#include "cli/cuda_devices.h"
#include "cli/device_limits.h"
#include "cli/devices.h"
#include "cli/output.h"
#include "cli/sandbox_report.h"
#include "run/harness_overhead.h"
#include "sysinfo/disturbances.h"

namespace qbench::cli {
namespace {

using nlohmann::ordered_json;

struct DoctorOptions {
  bool json = false;
  bool limits = false;
};

constexpr const char* kExamples = R"(Examples:
  qbench doctor
  qbench doctor --limits
  qbench doctor --json | python3 -m json.tool)";

template <class T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json();
}

ordered_json machine_json(const sysinfo::Machine& m) {
  ordered_json gpus = ordered_json::array();
  for (const sysinfo::GpuInfo& gpu : m.gpu.gpus) {
    gpus.push_back({{"name", gpu.name},
                    {"pci_bus_id", gpu.pci_bus_id},
                    {"mig", or_null(gpu.mig)},
                    {"memory_bytes", or_null(gpu.memory_bytes)},
                    {"memory_free_bytes", or_null(gpu.memory_free_bytes)},
                    {"uuid", gpu.uuid},
                    {"vbios", gpu.state.vbios},
                    {"sm_clock_mhz", or_null(gpu.state.sm_clock_mhz)},
                    {"sm_clock_max_mhz", or_null(gpu.state.sm_clock_max_mhz)},
                    {"memory_clock_mhz", or_null(gpu.state.memory_clock_mhz)},
                    {"memory_clock_max_mhz", or_null(gpu.state.memory_clock_max_mhz)},
                    {"power_limit_mw", or_null(gpu.state.power_limit_mw)},
                    {"power_limit_default_mw", or_null(gpu.state.power_limit_default_mw)},
                    {"clock_reasons", or_null(gpu.state.clock_reasons)},
                    {"temperature_c", or_null(gpu.state.temperature_c)},
                    {"ecc", or_null(gpu.state.ecc)},
                    {"ecc_pending", or_null(gpu.state.ecc_pending)},
                    {"persistence", or_null(gpu.state.persistence)},
                    {"foreign_processes", or_null(gpu.state.foreign_processes)},
                    {"foreign_bytes", or_null(gpu.state.foreign_bytes)}});
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

/// The processor as a device: it is always there, and asking takes no GPU memory.
ordered_json device_json() {
  const auto device = Devices().make({.device = "cpu", .threads = 0, .isa = {}});
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

ordered_json cuda_json(const CudaFacts& facts) {
  ordered_json gpus = ordered_json::array();
  for (std::size_t i = 0; i < facts.gpus.size(); ++i) {
    const CudaGpu& gpu = facts.gpus[i];
    gpus.push_back({{"device", fmt::format("cuda:{}", i)},
                    {"name", gpu.name},
                    {"pci_bus_id", gpu.pci_bus_id},
                    {"capability", gpu.capability},
                    {"memory_bytes", gpu.memory_bytes},
                    {"ecc", gpu.ecc},
                    {"missing", gpu.missing}});
  }
  return {{"built", facts.built},
          {"missing", facts.missing},
          {"driver_version", facts.driver_version},
          {"runtime_version", facts.runtime_version},
          {"architectures", facts.architectures},
          {"products", facts.products},
          {"devices", gpus}};
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

std::string line(const char* name, const std::string& value) { return fmt::format("{:<14}{}\n", name, value); }

/// Every device but the processor, here or not.
std::string other_devices_text(const CudaFacts& facts, const sysinfo::GpuReport& driver) {
  std::string text;
  for (std::size_t i = 0; i < facts.gpus.size(); ++i) {
    const CudaGpu& gpu = facts.gpus[i];
    const auto free_bytes = sysinfo::free_memory_bytes(driver, gpu.pci_bus_id, gpu.memory_bytes);
    text += line("", fmt::format("cuda:{}: {}, compute capability {}, {}{}{}", i, gpu.name, gpu.capability, format_bytes(gpu.memory_bytes),
                                 free_bytes ? ", " + format_bytes(*free_bytes) + " free" : "", gpu.ecc ? ", ECC" : ""));
    if (!gpu.missing.empty()) text += line("", "  cannot be used: " + gpu.missing);
  }
  if (!facts.missing.empty()) text += line("", "cuda: missing: " + facts.missing);
  const std::string emulated = CudaEmulatedDevice::missing();
  text += line("", std::string(backend::kEmulatedDevice) + ": " +
                       (emulated.empty() ? "here: the CUDA core on the host, to check what it computes" : "missing: " + emulated));
  if (facts.built) {
    text += line("cuda", fmt::format("runtime {}, kernels for sm {}; {}", facts.runtime_version, facts.architectures,
                                     facts.driver_version.empty() ? "no driver" : "the driver supports " + facts.driver_version));
    text += line("", "prompts by " + (facts.products.empty() ? "own kernels: no libcublasLt.so.13 or .12 found" : facts.products));
  }
  return text;
}

std::string gpus_text(const sysinfo::GpuReport& report) {
  std::string text = report.gpus.empty() ? line("gpu", report.missing) : "";
  for (const sysinfo::GpuInfo& gpu : report.gpus) {
    text += line("gpu", fmt::format("{}, driver {}, {}{}", gpu.name, report.driver, gpu.pci_bus_id,
                                    gpu.mig.value_or(false) ? ", cut into instances (MIG)" : ""));
  }
  return text;
}

std::string report_text(const sysinfo::Machine& m, const ordered_json& device, const CudaFacts& facts,
                        const std::vector<sysinfo::Disturbance>& found) {
  std::string text = line("processor", fmt::format("{}, {} of {} cores usable", m.cpu.model, m.cpu.usable_physical, m.cpu.physical));
  text += line("device", fmt::format("{}: {}, {} threads", device["name"].get<std::string>(), device["instruction_sets"].get<std::string>(),
                                     device["threads"].get<int>()));
  text += other_devices_text(facts, m.gpu);
  text += line("attention", device["attention_path"].get<std::string>());
  text += line("memory", fmt::format("{} usable of {}", format_bytes(sysinfo::usable_memory_bytes(m.memory)),
                                     format_bytes(m.memory.total_bytes.value_or(0))));
  text += gpus_text(m.gpu);
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

ordered_json limits_json(const CudaFacts& facts) {
  std::vector<std::string> names{"cpu"};
  for (std::size_t i = 0; i < facts.gpus.size(); ++i) names.push_back(fmt::format("cuda:{}", i));
  ordered_json all = ordered_json::array();
  for (const auto& [name, limits, error] : measure_limits(Devices(), names)) {
    all.push_back({{"device", name},
                   {"error", error.empty() ? ordered_json() : ordered_json(error)},
                   {"read_gbps", or_null(limits.read_gbps)},
                   {"copy_gbps", or_null(limits.copy_gbps)},
                   {"matmul_tflops", or_null(limits.matmul_tflops)},
                   {"matmul_by", limits.matmul_tflops ? ordered_json(limits.matmul_by) : ordered_json()},
                   {"launch_us", or_null(limits.launch_us)},
                   {"launch_programmatic_us", or_null(limits.launch_programmatic_us)}});
  }
  return all;
}

std::string limits_text(const ordered_json& limits) {
  std::string text = "\nMeasured limits (1 GB = 1e9 bytes; empty: not measured)\n";
  for (const ordered_json& device : limits) {
    text += line("", device["device"].get<std::string>());
    if (device["error"].is_string()) text += line("", "  not measured: " + device["error"].get<std::string>());
    for (const auto& [name, value] : device.items()) {
      if (value.is_number()) text += line("", fmt::format("  {:<24}{:.5g}", name, value.get<double>()));
      if (name == "matmul_by" && value.is_string()) text += line("", fmt::format("  {:<24}{}", name, value.get<std::string>()));
    }
  }
  return text;
}

constexpr double kFastTokenNs = 1e6;  // a thousand tokens a second

/// What `run` itself costs beside the decoding it times.
ordered_json harness_json() {
  const run::HarnessOverhead overhead = run::measure_harness_overhead();
  return {{"ns_per_token", overhead.ns_per_token},
          {"telemetry_us", overhead.telemetry_us},
          {"ratio_at_1000_tok_per_s", overhead.ratio(kFastTokenNs)},
          {"ratio_at_200_tok_per_s", overhead.ratio(5 * kFastTokenNs)}};
}

std::string harness_text(const ordered_json& harness) {
  return "\nWhat run itself takes while it times a decoding, in processor time\n" +
         line("",
              fmt::format(
                  "{:.0f} ns a token, {:.0f} us for each entry of the telemetry (every 100 ms): {:.3f} % at 200 tok/s, {:.3f} % at 1000",
                  harness["ns_per_token"].get<double>(), harness["telemetry_us"].get<double>(),
                  harness["ratio_at_200_tok_per_s"].get<double>() * 100, harness["ratio_at_1000_tok_per_s"].get<double>() * 100));
}

int doctor(const DoctorOptions& options) {
  const sysinfo::Machine machine = sysinfo::read_machine();
  const ordered_json device = device_json();
  const CudaFacts facts = CudaDevice::facts();
  const std::vector<sysinfo::Disturbance> found = sysinfo::find_disturbances(machine, sysinfo::find_busy_processes());
  const ordered_json sandbox = sandbox_json();
  const ordered_json limits = options.limits ? limits_json(facts) : ordered_json();
  if (options.json) {
    ordered_json document = machine_json(machine);
    document["device"] = device;
    document["devices"] = devices_json();
    document["cuda"] = cuda_json(facts);
    document["sandbox"] = sandbox;
    document["disturbances"] = disturbances_json(found);
    if (options.limits) document["limits"] = limits;
    if (options.limits) document["harness"] = harness_json();
    write_output_json(document);
  } else {
    write_output(report_text(machine, device, facts, found) + sandbox_text(sandbox) +
                 (options.limits ? limits_text(limits) + harness_text(harness_json()) : ""));
  }
  return kExitFine;
}

}  // namespace

Command add_doctor(CLI::App& root) {
  const auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = root.add_subcommand("doctor", "What this machine is, can do, and what will disturb a measurement");
  command->add_flag("--json", options->json, "One JSON document");
  command->add_flag("--limits", options->limits,
                    "Measure what each device reaches at best (reading, copying, products, launches) and what run itself takes");
  command->footer(kExamples);
  return {"doctor", [options](Invocation&) { return doctor(*options); }};
}

}  // namespace qbench::cli
