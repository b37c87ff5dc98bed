#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/memory_account.h"
#include "kernels/cuda/namespace.h"

/// What kernels and the CUDA backend need of a CUDA runtime, as owning objects. Compiles without the toolkit. Two implementations stand behind
/// it: runtime_cuda.cu (the toolkit's runtime) and emulation/runtime_host.cpp (memory with guard pages, streams in order, graphs as recorded
/// calls). Failures throw Error{kDevice} and name the call; memory that does not fit Error{kMemory} with the sizes. No default stream.
namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Launches with more dynamic shared memory than this set the kernel's attribute for it. A device needs that where a kernel's own arrays and the
/// launch's bytes pass 48 KB together (CUDA driver API, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES); the emulation refuses it likewise.
inline constexpr std::size_t kSharedBytesWithoutOptIn = 32 * 1024;

struct DeviceProperties {
  std::string name;        ///< "NVIDIA H200", "emulated CUDA device"
  std::string pci_bus_id;  ///< as in DeviceListing
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;  ///< now
  int sm_count = 0;
  int capability_major = 0;  ///< 9 for sm_90
  int capability_minor = 0;
  std::size_t shared_bytes_per_block = 0;  ///< the most that a launch may ask for
  std::size_t page_bytes = 0;              ///< what an allocation is rounded up to; 0: nothing
};

/// A device as it can be known without starting it.
struct DeviceListing {
  std::string name;        ///< "NVIDIA H200"
  std::string pci_bus_id;  ///< "0000:3b:00.0", by which other libraries know it; empty for the emulated device
  std::uint64_t total_bytes = 0;
  int capability_major = 0;
  int capability_minor = 0;
  bool ecc = false;  ///< memory with error correction
};

/// What this process has of CUDA, without starting a device: no memory of a GPU is taken.
struct Survey {
  int driver_version = 0;     ///< the CUDA version that the driver supports, 1000 major + 10 minor; 0 without a driver
  int runtime_version = 0;    ///< that this binary was built with
  std::string architectures;  ///< that its kernels were compiled for: "90a 100"
  std::vector<DeviceListing> devices;
  bool absent = false;  ///< no driver or no device at all, as on any machine without a GPU
  std::string missing;  ///< why there are no devices and what to do, a clause; else empty
};

/// Never throws.
Survey survey() noexcept;

/// Devices that this process sees; 0 where there is no driver. Never throws.
int device_count() noexcept;

/// One device by number. Constructing it makes it the calling thread's device.
class Device {
 public:
  explicit Device(int index);  ///< Error{kDevice} when there is no such device, or when the binary has no kernels for it
  int index() const noexcept { return index_; }
  DeviceProperties properties() const;
  void synchronize() const;  ///< waits for everything on the device; reports what failed late

 private:
  int index_;
};

/// Work in order of submission. The device that was current at construction.
class Stream {
 public:
  Stream();
  ~Stream();
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  void synchronize();  ///< waits; reports what failed late
  /// Whether everything submitted has run. Does not wait; reports what failed so far, a device that is gone included.
  bool idle();

  struct State;
  State& state() noexcept { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

/// Memory on the device, 256-byte aligned. The emulated device fills it with 0xff: NaN in every float type.
class DeviceMemory {
 public:
  DeviceMemory() noexcept = default;
  /// Error{kMemory} naming the size and what is free or, where the thread's current account has a limit, what that leaves.
  explicit DeviceMemory(std::size_t bytes, MemoryPurpose purpose = MemoryPurpose::kWorkspace);
  ~DeviceMemory();
  DeviceMemory(DeviceMemory&& other) noexcept;
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;

  std::size_t bytes() const noexcept { return bytes_; }
  void* data() const noexcept { return data_; }
  template <typename T>
  T* as() const noexcept {
    return static_cast<T*>(data_);
  }

 private:
  MemoryCharge charge_;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Host memory that the device reads and writes in place: what a kernel wrote is there after a synchronize, or when a poll sees it.
class HostMapped {
 public:
  HostMapped() noexcept = default;
  explicit HostMapped(std::size_t bytes);
  ~HostMapped();
  HostMapped(HostMapped&& other) noexcept;
  HostMapped& operator=(HostMapped&& other) noexcept;

  std::size_t bytes() const noexcept { return bytes_; }
  void* host() const noexcept { return host_; }
  void* device() const noexcept { return device_; }  ///< the address that kernels use

 private:
  void* host_ = nullptr;
  void* device_ = nullptr;
  std::size_t bytes_ = 0;
};

/// A point in a stream, with a time stamp.
class Event {
 public:
  Event();
  ~Event();
  Event(Event&&) noexcept;
  Event& operator=(Event&&) noexcept;
  void record(Stream& stream);
  void synchronize();
  float elapsed_ms_since(const Event& start) const;  ///< both recorded and reached

  struct State;

 private:
  std::unique_ptr<State> state_;
};

/// What a stream was given between begin and end, replayed as one submission. Kernels' arguments are those of the capture.
class Graph {
 public:
  Graph() noexcept;
  ~Graph();
  Graph(Graph&&) noexcept;
  Graph& operator=(Graph&&) noexcept;

  /// Records what `work` submits to `stream` instead of running it. Throws what `work` throws; the stream then records no longer.
  static Graph capture(Stream& stream, const std::function<void()>& work);
  bool empty() const noexcept { return state_ == nullptr; }
  std::size_t node_count() const noexcept;  ///< kernels, copies and fills
  void launch(Stream& stream) const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

/// A range of the calling thread that Nsight shows under `name` (NVTX); nothing on the emulated device, nor where no profiler listens. Ranges nest.
void push_profiler_range(const char* name) noexcept;
void pop_profiler_range() noexcept;

/// All four are asynchronous in the stream. Host memory is read or written before the call returns where it is pageable: to be sure of what
/// copy_to_host has written, synchronize.
void copy_to_device(void* device, const void* host, std::size_t bytes, Stream& stream);
void copy_to_host(void* host, const void* device, std::size_t bytes, Stream& stream);
void copy_on_device(void* to, const void* from, std::size_t bytes, Stream& stream);
void fill_zero(void* device, std::size_t bytes, Stream& stream);

struct Dim3 {
  unsigned x = 1, y = 1, z = 1;
};

/// How a kernel starts; blocks are one-dimensional in threads, a multiple of 32.
struct LaunchConfig {
  Dim3 grid;
  int threads = 0;
  std::size_t shared_bytes = 0;  ///< dynamic shared memory of a block
  Stream& stream;
  bool programmatic = false;  ///< may start before its predecessor ends; the kernel calls grid_dependency_wait()
  const char* name = "";      ///< in error messages
  bool cooperative = false;   ///< all blocks run at the same time and may wait for each other; excludes programmatic
};

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
