#include "sysinfo/gpu.h"

#include <dlfcn.h>

#include <array>
#include <memory>
#include <string_view>

namespace qbench::sysinfo {
namespace {

// The few names of NVML's stable C interface that are asked here; it is loaded at run time, so its header is not needed for the build.
// https://docs.nvidia.com/deploy/nvml-api/
using NvmlDevice = struct nvmlDevice_st*;
struct NvmlMemory {
  unsigned long long total, free, used;  // bytes
};
constexpr int kNvmlSuccess = 0;

struct Nvml {
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*driver_version)(char*, unsigned) = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*handle)(unsigned, NvmlDevice*) = nullptr;
  int (*name)(NvmlDevice, char*, unsigned) = nullptr;
  int (*uuid)(NvmlDevice, char*, unsigned) = nullptr;
  int (*memory)(NvmlDevice, NvmlMemory*) = nullptr;
  const char* (*error_string)(int) = nullptr;
};

template <class F>
bool find(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(::dlsym(library, name));
  return function != nullptr;
}

bool find_all(void* library, Nvml& nvml) {
  return find(library, "nvmlInit_v2", nvml.init) && find(library, "nvmlShutdown", nvml.shutdown) &&
         find(library, "nvmlSystemGetDriverVersion", nvml.driver_version) && find(library, "nvmlDeviceGetCount_v2", nvml.count) &&
         find(library, "nvmlDeviceGetHandleByIndex_v2", nvml.handle) && find(library, "nvmlDeviceGetName", nvml.name) &&
         find(library, "nvmlDeviceGetUUID", nvml.uuid) && find(library, "nvmlDeviceGetMemoryInfo", nvml.memory) &&
         find(library, "nvmlErrorString", nvml.error_string);
}

template <class Ask>
std::string text_of(Ask&& ask) {
  std::array<char, 256> buffer{};
  return ask(buffer.data(), static_cast<unsigned>(buffer.size() - 1)) == kNvmlSuccess ? std::string(buffer.data()) : std::string();
}

GpuInfo read_gpu(const Nvml& nvml, NvmlDevice device) {
  GpuInfo gpu;
  gpu.name = text_of([&](char* to, unsigned size) { return nvml.name(device, to, size); });
  gpu.uuid = text_of([&](char* to, unsigned size) { return nvml.uuid(device, to, size); });
  NvmlMemory memory{};
  if (nvml.memory(device, &memory) == kNvmlSuccess) {
    gpu.memory_bytes = memory.total;
    gpu.memory_free_bytes = memory.free;
  }
  return gpu;
}

}  // namespace

GpuReport read_gpus(const char* library) {
  GpuReport report;
  const std::unique_ptr<void, int (*)(void*)> loaded(::dlopen(library, RTLD_NOW | RTLD_LOCAL),
                                                     [](void* l) { return l ? ::dlclose(l) : 0; });
  if (!loaded) {
    report.missing = std::string("no GPU driver here (") + library + " is not installed)";
    return report;
  }
  Nvml nvml;
  if (!find_all(loaded.get(), nvml)) {
    report.missing = std::string("the GPU driver's ") + library + " lacks functions that NVML has";
    return report;
  }
  if (const int code = nvml.init(); code != kNvmlSuccess) {
    report.missing = std::string("the GPU driver does not start: ") + nvml.error_string(code);
    return report;
  }
  report.driver = text_of([&](char* to, unsigned size) { return nvml.driver_version(to, size); });
  unsigned count = 0;
  if (const int code = nvml.count(&count); code != kNvmlSuccess) {
    report.missing = std::string("the GPU driver does not list its devices: ") + nvml.error_string(code);
  }
  for (unsigned i = 0; i < count; ++i) {
    NvmlDevice device = nullptr;
    if (nvml.handle(i, &device) == kNvmlSuccess) report.gpus.push_back(read_gpu(nvml, device));
  }
  if (report.gpus.empty() && report.missing.empty()) report.missing = "a GPU driver is installed, but no GPU is visible";
  nvml.shutdown();
  return report;
}

}  // namespace qbench::sysinfo
