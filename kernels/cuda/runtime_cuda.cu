#include "kernels/cuda/runtime_cuda.h"

#include <cuda_runtime.h>
#include <nvtx3/nvToolsExt.h>

#include <string>
#include <utility>

#include "base/environment.h"
#include "base/error.h"
#include "kernels/cuda/device_errors.h"

/// kernels/cuda/runtime.h on the toolkit's runtime.
namespace qbench::kernels::cuda {
namespace {

constexpr bool is(Status status, cudaError_t native) { return static_cast<int>(status) == static_cast<int>(native); }
static_assert(is(Status::kSuccess, cudaSuccess) && is(Status::kMemoryAllocation, cudaErrorMemoryAllocation));
static_assert(is(Status::kInitialization, cudaErrorInitializationError) && is(Status::kStubLibrary, cudaErrorStubLibrary));
static_assert(is(Status::kInsufficientDriver, cudaErrorInsufficientDriver) && is(Status::kDevicesUnavailable, cudaErrorDevicesUnavailable));
static_assert(is(Status::kInvalidDeviceFunction, cudaErrorInvalidDeviceFunction) && is(Status::kNoDevice, cudaErrorNoDevice));
static_assert(is(Status::kInvalidDevice, cudaErrorInvalidDevice) && is(Status::kDeviceUninitialized, cudaErrorDeviceUninitialized));
static_assert(is(Status::kNoKernelImageForDevice, cudaErrorNoKernelImageForDevice) && is(Status::kEccUncorrectable, cudaErrorECCUncorrectable));
static_assert(is(Status::kUnsupportedPtxVersion, cudaErrorUnsupportedPtxVersion) && is(Status::kOperatingSystem, cudaErrorOperatingSystem));
static_assert(is(Status::kIllegalAddress, cudaErrorIllegalAddress) && is(Status::kLaunchTimeout, cudaErrorLaunchTimeout));
static_assert(is(Status::kAssert, cudaErrorAssert) && is(Status::kLaunchFailure, cudaErrorLaunchFailure));
static_assert(is(Status::kSystemNotReady, cudaErrorSystemNotReady) && is(Status::kSystemDriverMismatch, cudaErrorSystemDriverMismatch));
static_assert(is(Status::kUnknown, cudaErrorUnknown));

/// Compiled for the same architectures as every kernel, and never launched.
__global__ void architecture_probe() {}

StatusContext context_of(cudaError_t status, const char* what) noexcept {
  StatusContext context;
  context.what = what;
  context.text = std::string(cudaGetErrorString(status)) + " (" + cudaGetErrorName(status) + ")";
  context.architectures = QB_CUDA_ARCHITECTURES;
  context.visible_devices = environment_variable("CUDA_VISIBLE_DEVICES");
  cudaDriverGetVersion(&context.driver_version);
  cudaRuntimeGetVersion(&context.runtime_version);
  int device = 0, major = 0, minor = 0;
  const bool known = cudaGetDevice(&device) == cudaSuccess &&
                     cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
                     cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device) == cudaSuccess;
  if (known) context.capability = std::to_string(major) + "." + std::to_string(minor);
  cudaGetLastError();
  return context;
}

/// Empty where the runtime does not say.
std::string pci_bus_id(int device) {
  char bus[32] = {};
  if (cudaDeviceGetPCIBusId(bus, static_cast<int>(sizeof(bus)) - 1, device) == cudaSuccess) return bus;
  cudaGetLastError();
  return {};
}

}  // namespace

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // what is not sticky must not be reported again by the next call
  throw Error(code_of(status), explain(status, context_of(status, what)), "cuda");
}

struct Stream::State {
  cudaStream_t handle = nullptr;
  State() { check(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking), "cudaStreamCreateWithFlags"); }
  ~State() { cudaStreamDestroy(handle); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

struct Event::State {
  cudaEvent_t handle = nullptr;
  State() { check(cudaEventCreate(&handle), "cudaEventCreate"); }
  ~State() { cudaEventDestroy(handle); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

struct Graph::State {
  cudaGraphExec_t handle = nullptr;
  std::size_t nodes = 0;
  State() = default;
  ~State() {
    if (handle != nullptr) cudaGraphExecDestroy(handle);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

cudaStream_t native_stream(Stream& stream) { return stream.state().handle; }

int device_count() noexcept {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  cudaGetLastError();
  return 0;
}

Survey survey() noexcept {
  Survey survey;
  survey.architectures = QB_CUDA_ARCHITECTURES;
  cudaDriverGetVersion(&survey.driver_version);
  cudaRuntimeGetVersion(&survey.runtime_version);
  int count = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess) {
    survey.absent = means_absent(status, survey.driver_version);
    survey.missing = explain(status, context_of(status, "cudaGetDeviceCount"));
    return survey;
  }
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp native{};
    if (const cudaError_t status = cudaGetDeviceProperties(&native, i); status != cudaSuccess) {
      survey.devices.clear();
      survey.missing = explain(status, context_of(status, "cudaGetDeviceProperties"));
      return survey;
    }
    survey.devices.push_back({native.name, pci_bus_id(i), native.totalGlobalMem, native.major, native.minor, native.ECCEnabled != 0});
  }
  return survey;
}

Device::Device(int index) : index_(index) {
  check(cudaSetDevice(index), "cudaSetDevice");
  cudaFuncAttributes attributes{};
  check(cudaFuncGetAttributes(&attributes, architecture_probe), "cudaFuncGetAttributes");  // before gigabytes are loaded for nothing
}

DeviceProperties Device::properties() const {
  cudaDeviceProp native{};
  check(cudaGetDeviceProperties(&native, index_), "cudaGetDeviceProperties");
  std::size_t free_bytes = 0, total_bytes = 0;
  check(cudaMemGetInfo(&free_bytes, &total_bytes), "cudaMemGetInfo");
  DeviceProperties properties;
  properties.name = native.name;
  properties.pci_bus_id = pci_bus_id(index_);
  properties.total_bytes = total_bytes;
  properties.free_bytes = free_bytes;
  properties.sm_count = native.multiProcessorCount;
  properties.capability_major = native.major;
  properties.capability_minor = native.minor;
  properties.shared_bytes_per_block = native.sharedMemPerBlockOptin;
  properties.page_bytes = std::size_t{2} << 20;  // the driver's large pages, which allocations of a megabyte and more take whole
  return properties;
}

void Device::synchronize() const { check(cudaDeviceSynchronize(), "cudaDeviceSynchronize"); }

Stream::Stream() : state_(std::make_unique<State>()) {}
Stream::~Stream() = default;
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
void Stream::synchronize() { check(cudaStreamSynchronize(state_->handle), "cudaStreamSynchronize"); }
bool Stream::idle() {
  const cudaError_t status = cudaStreamQuery(state_->handle);
  if (status == cudaErrorNotReady) return false;
  check(status, "cudaStreamQuery");
  return true;
}

DeviceMemory::DeviceMemory(std::size_t bytes, MemoryPurpose purpose) : charge_(bytes, purpose), bytes_(bytes) {
  if (bytes == 0) return;
  if (cudaMalloc(&data_, bytes) == cudaSuccess) return;
  cudaGetLastError();
  std::size_t free_bytes = 0, total_bytes = 0;
  check(cudaMemGetInfo(&free_bytes, &total_bytes), "cudaMemGetInfo");
  throw Error(ErrorCode::kMemory,
              "an allocation of " + std::to_string(bytes) + " bytes does not fit: " + std::to_string(free_bytes) + " of " +
                  std::to_string(total_bytes) + " bytes are free",
              "cuda");
}
DeviceMemory::~DeviceMemory() { cudaFree(data_); }
DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept
    : charge_(std::move(other.charge_)), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(charge_, other.charge_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

HostMapped::HostMapped(std::size_t bytes) : bytes_(bytes) {
  check(cudaHostAlloc(&host_, bytes, cudaHostAllocMapped), "cudaHostAlloc");
  const cudaError_t status = cudaHostGetDevicePointer(&device_, host_, 0);
  if (status == cudaSuccess) return;
  cudaFreeHost(host_);
  check(status, "cudaHostGetDevicePointer");
}
HostMapped::~HostMapped() { cudaFreeHost(host_); }
HostMapped::HostMapped(HostMapped&& other) noexcept
    : host_(std::exchange(other.host_, nullptr)), device_(std::exchange(other.device_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
HostMapped& HostMapped::operator=(HostMapped&& other) noexcept {
  std::swap(host_, other.host_);
  std::swap(device_, other.device_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Event::Event() : state_(std::make_unique<State>()) {}
Event::~Event() = default;
Event::Event(Event&&) noexcept = default;
Event& Event::operator=(Event&&) noexcept = default;
void Event::record(Stream& stream) { check(cudaEventRecord(state_->handle, native_stream(stream)), "cudaEventRecord"); }
void Event::synchronize() { check(cudaEventSynchronize(state_->handle), "cudaEventSynchronize"); }
void push_profiler_range(const char* name) noexcept { nvtxRangePushA(name); }
void pop_profiler_range() noexcept { nvtxRangePop(); }

float Event::elapsed_ms_since(const Event& start) const {
  float ms = 0;
  check(cudaEventElapsedTime(&ms, start.state_->handle, state_->handle), "cudaEventElapsedTime");
  return ms;
}

Graph::Graph() noexcept = default;
Graph::~Graph() = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;

namespace {

/// Ends the capture whatever happens, and owns what was captured.
class Capture {
 public:
  explicit Capture(cudaStream_t stream) : stream_(stream) {
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  }
  ~Capture() {
    if (!ended_) cudaStreamEndCapture(stream_, &graph_);
    if (graph_ != nullptr) cudaGraphDestroy(graph_);
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  cudaGraph_t end() {
    ended_ = true;
    check(cudaStreamEndCapture(stream_, &graph_), "cudaStreamEndCapture");
    return graph_;
  }

 private:
  cudaStream_t stream_;
  cudaGraph_t graph_ = nullptr;
  bool ended_ = false;
};

}  // namespace

Graph Graph::capture(Stream& stream, const std::function<void()>& work) {
  Capture capture(native_stream(stream));
  work();
  const cudaGraph_t captured = capture.end();
  Graph graph;
  graph.state_ = std::make_unique<State>();
  check(cudaGraphGetNodes(captured, nullptr, &graph.state_->nodes), "cudaGraphGetNodes");
  check(cudaGraphInstantiate(&graph.state_->handle, captured, 0), "cudaGraphInstantiate");
  return graph;
}

std::size_t Graph::node_count() const noexcept { return state_ == nullptr ? 0 : state_->nodes; }

void Graph::launch(Stream& stream) const {
  if (state_ == nullptr) throw Error(ErrorCode::kDevice, "a graph without nodes is launched", "cuda");
  check(cudaGraphLaunch(state_->handle, native_stream(stream)), "cudaGraphLaunch");
}

void copy_to_device(void* device, const void* host, std::size_t bytes, Stream& stream) {
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, native_stream(stream)), "a copy to the device");
}

void copy_to_host(void* host, const void* device, std::size_t bytes, Stream& stream) {
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, native_stream(stream)), "a copy to the host");
}

void copy_on_device(void* to, const void* from, std::size_t bytes, Stream& stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, native_stream(stream)), "a copy on the device");
}

void fill_zero(void* device, std::size_t bytes, Stream& stream) {
  check(cudaMemsetAsync(device, 0, bytes, native_stream(stream)), "a fill");
}

}  // namespace qbench::kernels::cuda
