#include "kernels/cuda/runtime.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.h"
#include "kernels/cuda/emulation/machine.h"

namespace qbench::kernels::cuda_emulated {

using emulation::GridRun;
using emulation::LaunchRecord;
using emulation::Machine;
using emulation::machine;

namespace {

using Lock = std::lock_guard<std::recursive_mutex>;

/// A kernel or something else that a stream was given.
struct Node {
  std::shared_ptr<const LaunchRecord> kernel;
  std::function<void()> action;  ///< when kernel is empty
};

[[noreturn]] void fail(const std::string& what) { throw Error(ErrorCode::kDevice, what, "cuda-emulated"); }

void require_device_range(const void* address, std::size_t bytes, const char* what) {
  if (machine().heap.contains(address, bytes)) return;
  fail(std::string(what) + " of " + std::to_string(bytes) + " bytes reaches outside of device memory");
}

}  // namespace

struct Stream::State {
  std::unique_ptr<GridRun> pending;  ///< the last kernel, where it waits for what is submitted next
  std::vector<Node>* recording = nullptr;

  void finish_pending() {
    if (pending == nullptr) return;
    const std::unique_ptr<GridRun> run = std::move(pending);
    run->finish();
  }

  void execute(const Node& node) {
    if (node.kernel == nullptr) {
      finish_pending();
      node.action();
      return;
    }
    auto run = std::make_unique<GridRun>(node.kernel, machine().next_seed());
    if (!machine().settings.early_dependents) {
      finish_pending();
      run->finish();
      return;
    }
    if (pending != nullptr && node.kernel->programmatic && !node.kernel->cooperative) run->start_early();
    finish_pending();
    pending = std::move(run);
  }

  void submit(Node node) {
    if (recording != nullptr) {
      recording->push_back(std::move(node));
    } else {
      execute(node);
    }
  }

  void synchronize() {
    if (recording != nullptr) fail("a stream that records cannot be waited for");
    finish_pending();
    report_late_error();
    machine().check_memory("synchronize", true);
  }

  static void report_late_error() {
    if (!machine().late_error.empty()) fail(std::exchange(machine().late_error, {}));
  }
};

struct Event::State {
  std::optional<std::chrono::steady_clock::time_point> reached;
};

struct Graph::State {
  std::vector<Node> nodes;
};

namespace emulation {

void Machine::drain() noexcept {
  for (Stream::State* stream : streams) {
    try {
      stream->finish_pending();
    } catch (const Error& e) {
      if (late_error.empty()) late_error = e.what();
    }
  }
}

void Machine::operate(const std::string& what) {
  if (++operations_ == lost_at_) {
    lost_ = true;
    for (Stream::State* stream : streams) stream->pending.reset();  // what had not run never will
    late_error.clear();
  }
  require_present(what);
}

void Machine::require_present(const std::string& what) {
  if (lost_) fail(what + ": the device is lost");
}

void Machine::lose_device(std::int64_t n) {
  lost_ = false;
  lost_at_ = n > 0 ? operations_ + n : 0;
}

void submit(Stream& stream, LaunchRecord record) {
  const Lock lock(machine().mutex);
  if (stream.state().recording == nullptr) machine().operate("kernel '" + record.name + "'");
  const auto refuse = [&](const std::string& what) { fail("kernel '" + record.name + "': " + what); };
  const Dim3 grid = record.grid;
  if (record.threads <= 0 || record.threads > 1024 || record.threads % 32 != 0) {
    refuse(std::to_string(record.threads) + " threads a block; expected a multiple of 32 up to 1024");
  }
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) {
    refuse("a grid of " + std::to_string(grid.x) + " x " + std::to_string(grid.y) + " x " + std::to_string(grid.z) +
           " blocks; expected 1 to 2147483647 x 1 to 65535 x 1 to 65535");
  }
  if (const std::size_t most = machine().settings.shared_bytes_per_block; record.shared_bytes > most) {
    refuse(std::to_string(record.shared_bytes) + " bytes of shared memory; a block has " + std::to_string(most));
  }
  constexpr std::uint64_t kResidentBlocks = 128;  // of the emulated device
  if (record.cooperative && std::uint64_t{grid.x} * grid.y * grid.z > kResidentBlocks) {
    refuse("a cooperative launch of " + std::to_string(std::uint64_t{grid.x} * grid.y * grid.z) + " blocks; " + std::to_string(kResidentBlocks) + " run at the same time");
  }
  stream.state().submit({std::make_shared<const LaunchRecord>(std::move(record)), {}});
}

void submit_host(Stream& stream, std::function<void()> work) {
  const Lock lock(machine().mutex);
  stream.state().submit({nullptr, std::move(work)});
}

}  // namespace emulation

int device_count() noexcept { return 1; }

Survey survey() noexcept {
  Survey survey;
  survey.architectures = "host";
  survey.devices.push_back(
      {.name = "emulated CUDA device", .pci_bus_id = {}, .total_bytes = machine().memory_bytes(), .capability_major = 9, .capability_minor = 0, .ecc = false});
  return survey;
}

Device::Device(int index) : index_(index) {
  if (index != 0) fail("there is one emulated device, number 0; asked for " + std::to_string(index));
}

DeviceProperties Device::properties() const {
  const Lock lock(machine().mutex);
  machine().require_present("asking for the device's memory");
  const std::uint64_t total = machine().memory_bytes();
  const std::uint64_t used = machine().heap.allocated_bytes();
  return {.name = "emulated CUDA device",
          .pci_bus_id = {},
          .total_bytes = total,
          .free_bytes = total > used ? total - used : 0,
          .sm_count = 4,
          .capability_major = 9,
          .capability_minor = 0,
          .shared_bytes_per_block = machine().settings.shared_bytes_per_block};
}

void Device::synchronize() const {
  const Lock lock(machine().mutex);
  machine().operate("waiting for the device");
  for (Stream::State* stream : machine().streams) stream->synchronize();
}

Stream::Stream() : state_(std::make_unique<State>()) {
  const Lock lock(machine().mutex);
  machine().streams.push_back(state_.get());
}
Stream::~Stream() {
  if (state_ == nullptr) return;
  const Lock lock(machine().mutex);
  machine().drain();
  std::erase(machine().streams, state_.get());
}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
void Stream::synchronize() {
  const Lock lock(machine().mutex);
  machine().operate("waiting for a stream");
  state_->synchronize();
}
bool Stream::idle() {
  const Lock lock(machine().mutex);
  machine().require_present("asking a stream whether it is done");  // not counted: how often is asked depends on time
  state_->finish_pending();  // the one kernel that waits for a successor; a device would have run it by now
  state_->report_late_error();
  return true;
}

namespace {

void* allocate(std::size_t bytes) {
  const Lock lock(machine().mutex);
  machine().require_present("an allocation of " + std::to_string(bytes) + " bytes");
  return machine().heap.allocate(bytes, machine().memory_bytes());
}

void release(void* data) noexcept {
  if (data == nullptr) return;
  const Lock lock(machine().mutex);
  machine().drain();
  if (const std::string damage = machine().heap.damage(true); !damage.empty() && machine().late_error.empty())
    machine().late_error = damage;
  machine().heap.release(data);
}

}  // namespace

DeviceMemory::DeviceMemory(std::size_t bytes, MemoryPurpose purpose) : charge_(bytes, purpose), data_(allocate(bytes)), bytes_(bytes) {}
DeviceMemory::~DeviceMemory() { release(data_); }
DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept
    : charge_(std::move(other.charge_)), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(charge_, other.charge_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

HostMapped::HostMapped(std::size_t bytes) : host_(allocate(bytes)), device_(host_), bytes_(bytes) {}
HostMapped::~HostMapped() { release(device_); }
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
void Event::record(Stream& stream) {
  const Lock lock(machine().mutex);
  State* const state = state_.get();
  stream.state().submit({nullptr, [state] { state->reached = std::chrono::steady_clock::now(); }});
}
void Event::synchronize() {
  if (!state_->reached) fail("an event that was never recorded is waited for");
}
void push_profiler_range(const char*) noexcept {}
void pop_profiler_range() noexcept {}

float Event::elapsed_ms_since(const Event& start) const {
  if (!state_->reached || !start.state_->reached) fail("the time between events that were not both recorded is asked for");
  return std::chrono::duration<float, std::milli>(*state_->reached - *start.state_->reached).count();
}

Graph::Graph() noexcept = default;
Graph::~Graph() = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;

Graph Graph::capture(Stream& stream, const std::function<void()>& work) {
  const Lock lock(machine().mutex);
  Stream::State& recorder = stream.state();
  if (recorder.recording != nullptr) fail("the stream records already");
  recorder.finish_pending();
  Graph graph;
  graph.state_ = std::make_unique<State>();
  struct Restore {
    Stream::State& recorder;
    ~Restore() { recorder.recording = nullptr; }
  } const restore{recorder};
  recorder.recording = &graph.state_->nodes;
  work();
  return graph;
}

std::size_t Graph::node_count() const noexcept { return state_ == nullptr ? 0 : state_->nodes.size(); }

void Graph::launch(Stream& stream) const {
  if (state_ == nullptr) fail("a graph without nodes is launched");
  const Lock lock(machine().mutex);
  machine().operate("a graph");
  for (const Node& node : state_->nodes) stream.state().submit(node);
}

void copy_to_device(void* device, const void* host, std::size_t bytes, Stream& stream) {
  if (bytes == 0) return;
  const Lock lock(machine().mutex);
  machine().operate("a copy to the device");
  require_device_range(device, bytes, "a copy to the device");
  stream.state().submit({nullptr, [=] { std::memcpy(device, host, bytes); }});
}

void copy_to_host(void* host, const void* device, std::size_t bytes, Stream& stream) {
  if (bytes == 0) return;
  const Lock lock(machine().mutex);
  machine().operate("a copy to the host");
  require_device_range(device, bytes, "a copy to the host");
  stream.state().submit({nullptr, [=] { std::memcpy(host, device, bytes); }});
}

void copy_on_device(void* to, const void* from, std::size_t bytes, Stream& stream) {
  if (bytes == 0) return;
  const Lock lock(machine().mutex);
  machine().operate("a copy on the device");
  require_device_range(to, bytes, "a copy on the device");
  require_device_range(from, bytes, "a copy on the device");
  stream.state().submit({nullptr, [=] { std::memmove(to, from, bytes); }});
}

void fill_zero(void* device, std::size_t bytes, Stream& stream) {
  if (bytes == 0) return;
  const Lock lock(machine().mutex);
  machine().operate("a fill");
  require_device_range(device, bytes, "a fill");
  stream.state().submit({nullptr, [=] { std::memset(device, 0, bytes); }});
}

}  // namespace qbench::kernels::cuda_emulated
