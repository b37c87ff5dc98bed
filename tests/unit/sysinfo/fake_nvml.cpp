// A driver's libnvidia-ml.so.1 for tests: two GPUs with scripted answers. The second one's clock falls to 1200 MHz at every other question, for a
// power cap, and its energy counter advances by 500 J each time it is asked; it has no temperature sensor.
#include <cstdio>
#include <cstring>

namespace {

struct Memory {
  unsigned long long total, free, used;
};
struct Utilization {
  unsigned gpu, memory;
};
struct Pci {
  char legacy[16];
  unsigned domain, bus, device, device_id, subsystem_id;
  char bus_id[32];
};

int first_gpu, second_gpu;  // their addresses are the handles
unsigned long long energy_mj = 7'000'000;
int questions = 0;
constexpr int kNotSupported = 3;

bool is_first(const void* device) { return device == &first_gpu; }

}  // namespace

extern "C" {
int nvmlInit_v2() { return 0; }
int nvmlShutdown() { return 0; }
const char* nvmlErrorString(int) { return "scripted"; }
int nvmlSystemGetDriverVersion(char* to, unsigned size) { return std::snprintf(to, size, "580.65.06") < 0; }
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = index == 0 ? &first_gpu : &second_gpu;
  return index < 2 ? 0 : 2;
}
int nvmlDeviceGetName(void* device, char* to, unsigned size) { return std::snprintf(to, size, is_first(device) ? "Fake A" : "Fake B") < 0; }
int nvmlDeviceGetUUID(void* device, char* to, unsigned size) { return std::snprintf(to, size, is_first(device) ? "GPU-a" : "GPU-b") < 0; }
int nvmlDeviceGetMemoryInfo(void* device, Memory* memory) {
  *memory = is_first(device) ? Memory{100, 90, 10} : Memory{1000, 600, 400};
  return 0;
}
int nvmlDeviceGetPciInfo_v3(void* device, Pci* pci) {
  std::memset(pci, 0, sizeof(*pci));
  std::strcpy(pci->bus_id, is_first(device) ? "00000000:3B:00.0" : "00000000:5E:00.0");
  return 0;
}
int nvmlDeviceGetMigMode(void* device, unsigned* current, unsigned* pending) {
  *current = *pending = is_first(device) ? 1 : 0;
  return 0;
}
int nvmlDeviceGetUtilizationRates(void*, Utilization* utilization) {
  *utilization = {80, 40};
  return 0;
}
int nvmlDeviceGetClockInfo(void*, int clock, unsigned* mhz) {
  *mhz = clock == 2 ? 2619 : ++questions % 2 == 0 ? 1200 : 1980;
  return 0;
}
int nvmlDeviceGetPowerUsage(void*, unsigned* mw) {
  *mw = 350'000;
  return 0;
}
int nvmlDeviceGetTemperature(void* device, int, unsigned* degrees) {
  if (!is_first(device)) return kNotSupported;
  *degrees = 55;
  return 0;
}
int nvmlDeviceGetCurrentClocksEventReasons(void*, unsigned long long* reasons) {
  *reasons = questions % 2 == 0 ? 0x4 : 0x1;
  return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(void*, unsigned long long* mj) {
  *mj = energy_mj += 500'000;
  return 0;
}
int nvmlDeviceGetVbiosVersion(void*, char* to, unsigned size) { return std::snprintf(to, size, "96.00.5E") < 0; }
int nvmlDeviceGetMaxClockInfo(void*, int clock, unsigned* mhz) {
  *mhz = clock == 2 ? 2619 : 1980;
  return 0;
}
int nvmlDeviceGetEnforcedPowerLimit(void* device, unsigned* mw) {
  *mw = is_first(device) ? 400'000 : 310'500;
  return 0;
}
int nvmlDeviceGetPowerManagementDefaultLimit(void*, unsigned* mw) {
  *mw = 400'000;
  return 0;
}
int nvmlDeviceGetEccMode(void* device, unsigned* current, unsigned* pending) {
  if (is_first(device)) return kNotSupported;
  *current = 1;
  *pending = 0;
  return 0;
}
int nvmlDeviceGetPersistenceMode(void* device, unsigned* mode) {
  *mode = is_first(device) ? 1 : 0;
  return 0;
}
struct Process {
  unsigned pid;
  unsigned long long used;
  unsigned gpu_instance, compute_instance;
};
int nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* count, Process* processes) {
  *count = is_first(device) ? 0 : 2;
  if (!is_first(device)) {
    processes[0] = {4'000'001, 3'000'000'000, 0, 0};
    processes[1] = {4'000'002, 1'000'000'000, 0, 0};
  }
  return 0;
}
}
