#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "emulation_support.h"

namespace qbench::kernels::cuda_emulated {
namespace {

QB_KERNEL add(float* x, float amount) {
  grid_dependency_wait();
  x[block_x() * threads() + thread_x()] += amount;
}

QB_KERNEL publish(volatile int* mapped, int value) {
  if (thread_x() == 0) *mapped = value;
}

QB_KERNEL two_arrays(float* out) {
  QB_SHARED(float, large, 10000);
  QB_SHARED(float, small, 4000);
  large[thread_x()] = small[thread_x()] = 1;
  out[thread_x()] = large[thread_x()] + small[thread_x()];
}

}  // namespace
}  // namespace qbench::kernels::cuda_emulated

namespace qbench::test {
using namespace kernels::cuda_emulated;

namespace {

LaunchConfig add_config(Stream& stream) { return {{2, 1, 1}, 32, 0, stream, true, "add"}; }

}  // namespace

TEST_CASE("fresh device memory is NaN, 256-byte aligned and counted until it is freed") {
  const std::uint64_t before = allocated_bytes();
  Stream stream;
  {
    DeviceMemory memory(1000 * sizeof(float));
    CHECK(reinterpret_cast<std::uintptr_t>(memory.data()) % 256 == 0);
    CHECK(allocated_bytes() == before + 4000);
    const auto values = to_host<float>(memory, stream);
    CHECK(std::all_of(values.begin(), values.end(), [](float v) { return std::isnan(v); }));
    DeviceMemory moved = std::move(memory);
    CHECK(memory.data() == nullptr);
    CHECK(moved.bytes() == 4000);
    DeviceMemory other(16);
    other = std::move(moved);
    CHECK(other.bytes() == 4000);
  }
  CHECK(allocated_bytes() == before);
  const DeviceMemory none(0);
  CHECK(none.bytes() == 0);
}

TEST_CASE("memory that does not fit is refused with the sizes, and the n-th allocation fails on request") {
  {
    set_emulation({.order = EmulationOrder::kSeeded, .seed = 1, .early_dependents = true, .memory_bytes = allocated_bytes() + 1000});
    const DeviceMemory first(600);
    CHECK(contains(error_of([] { const DeviceMemory second(600); }), "an allocation of 600 bytes does not fit: 400 of "));
    CHECK(Device(0).properties().free_bytes == 400);
    const DeviceMemory third(400);
    set_emulation({});
  }
  fail_allocation(3);
  const DeviceMemory one(8);
  const HostMapped two(8);
  CHECK(contains(error_of([] { const DeviceMemory three(8); }), "failed on request"));
  const DeviceMemory four(8);
  fail_allocation(1);
  CHECK(contains(error_of([] { const HostMapped mapped(8); }), "failed on request"));
  fail_allocation(1);
  fail_allocation(0);
  const DeviceMemory fine(8);
}

TEST_CASE("copies, fills and kernels run in the order in which a stream got them") {
  for (const bool early : {false, true}) {
    const EmulationScope scope(5, EmulationOrder::kSeeded, early);
    Stream stream;
    std::vector<float> x(64);
    std::iota(x.begin(), x.end(), 0.0f);
    const DeviceMemory a = to_device(x, stream), b(256);
    launch(add_config(stream), add, a.as<float>(), 1.0f);
    copy_on_device(b.data(), a.data(), 256, stream);
    launch(add_config(stream), add, a.as<float>(), 10.0f);
    launch(add_config(stream), add, a.as<float>(), 100.0f);
    fill_zero(static_cast<char*>(b.data()) + 128, 128, stream);
    const auto va = to_host<float>(a, stream), vb = to_host<float>(b, stream);
    for (std::size_t i = 0; i < 64; ++i) {
      CHECK(va[i] == x[i] + 111);
      CHECK(vb[i] == (i < 32 ? x[i] + 1 : 0));
    }
  }
}

TEST_CASE("a graph replays what was captured, and capturing runs nothing") {
  Stream stream;
  const DeviceMemory x(256), copy(256);
  fill_zero(x.data(), 256, stream);
  const Graph graph = Graph::capture(stream, [&] {
    launch(add_config(stream), add, x.as<float>(), 1.0f);
    launch(add_config(stream), add, x.as<float>(), 2.0f);
    copy_on_device(copy.data(), x.data(), 256, stream);
  });
  CHECK(graph.node_count() == 3);
  CHECK(to_host<float>(x, stream)[5] == 0);
  for (int i = 0; i < 4; ++i) graph.launch(stream);
  CHECK(to_host<float>(copy, stream) == std::vector<float>(64, 12.0f));

  CHECK(contains(error_of([&] { Graph::capture(stream, [&] { stream.synchronize(); }); }), "records cannot be waited for"));
  launch(add_config(stream), add, x.as<float>(), 1.0f);  // records no longer
  CHECK(to_host<float>(x, stream)[0] == 13);
  CHECK(contains(error_of([&] { Graph().launch(stream); }), "a graph without nodes"));
}

TEST_CASE("mapped memory is the same memory on both sides") {
  Stream stream;
  const HostMapped mapped(4);
  launch(LaunchConfig{{1, 1, 1}, 32, 0, stream, false, "publish"}, publish, static_cast<volatile int*>(mapped.device()), 77);
  stream.synchronize();
  int value = 0;
  std::memcpy(&value, mapped.host(), sizeof value);
  CHECK(value == 77);
}

TEST_CASE("events measure time between two points of a stream") {
  Stream stream;
  Event start, end;
  CHECK_FALSE(error_of([&] { (void)end.elapsed_ms_since(start); }).empty());
  start.record(stream);
  end.record(stream);
  end.synchronize();
  CHECK(end.elapsed_ms_since(start) >= 0);
}

TEST_CASE("there is one device, which names itself; another is refused") {
  CHECK(device_count() == 1);
  const DeviceProperties properties = Device(0).properties();
  CHECK(properties.name == "emulated CUDA device");
  CHECK(properties.capability_major == 9);
  CHECK(properties.free_bytes <= properties.total_bytes);
  CHECK(contains(error_of([] { Device(1).synchronize(); }), "one emulated device, number 0; asked for 1"));
}

TEST_CASE("copies outside of device memory are refused, not performed") {
  Stream stream;
  const DeviceMemory memory(100);
  std::vector<char> host(200);
  CHECK(contains(error_of([&] { copy_to_device(memory.data(), host.data(), 101, stream); }),
                 "a copy to the device of 101 bytes reaches outside"));
  CHECK(contains(error_of([&] { copy_to_host(host.data(), memory.as<char>() + 90, 11, stream); }), "reaches outside"));
  CHECK(contains(error_of([&] { copy_on_device(memory.data(), host.data(), 10, stream); }), "reaches outside"));
  CHECK(contains(error_of([&] { fill_zero(host.data(), 10, stream); }), "a fill of 10 bytes reaches outside"));
}

TEST_CASE("a launch that a device would refuse is refused with the kernel's name") {
  Stream stream;
  const DeviceMemory out(4096);
  const auto refused = [&](Dim3 grid, int threads, std::size_t shared_bytes) {
    return error_of([&] { launch(LaunchConfig{grid, threads, shared_bytes, stream, false, "two_arrays"}, two_arrays, out.as<float>()); });
  };
  CHECK(contains(refused({1, 1, 1}, 33, 0), "kernel 'two_arrays': 33 threads a block; expected a multiple of 32 up to 1024"));
  CHECK_FALSE(refused({1, 1, 1}, 1056, 0).empty());
  CHECK(contains(refused({0, 1, 1}, 32, 0), "a grid of 0 x 1 x 1 blocks"));
  CHECK_FALSE(refused({1, 65536, 1}, 32, 0).empty());
  CHECK(contains(refused({1, 1, 1}, 32, 300000), "300000 bytes of shared memory"));
  CHECK(refused({1, 1, 1}, 32, 0).empty());
  CHECK(contains(error_of([&] { stream.synchronize(); }), "no room for the shared array 'small' of 16000 bytes"));  // 56,000 of 49,152
}

TEST_CASE("a stream that is asked whether it is done has run what it was given") {
  Stream stream;
  const DeviceMemory x(256);
  fill_zero(x.data(), 256, stream);
  launch(add_config(stream), add, x.as<float>(), 1.0f);
  CHECK(stream.idle());
  CHECK(x.as<float>()[3] == 1);
}

TEST_CASE("from the operation on at which the device is lost everything fails by name, until it is back") {
  Stream stream;
  const DeviceMemory x(256);
  fill_zero(x.data(), 256, stream);
  const Graph graph = Graph::capture(stream, [&] { launch(add_config(stream), add, x.as<float>(), 1.0f); });
  const std::int64_t before = operation_count();
  lose_device(3);
  launch(add_config(stream), add, x.as<float>(), 1.0f);
  graph.launch(stream);
  const auto lost = [](const std::string& what) { return contains(what, "the device is lost") && what.find('\n') == std::string::npos; };
  CHECK(lost(error_of([&] { graph.launch(stream); })));
  CHECK(lost(error_of([&] { launch(add_config(stream), add, x.as<float>(), 1.0f); })));
  CHECK(lost(error_of([&] { stream.synchronize(); })));
  CHECK(lost(error_of([&] { (void)stream.idle(); })));
  CHECK(lost(error_of([&] { fill_zero(x.data(), 256, stream); })));
  CHECK(lost(error_of([&] { to_host<float>(x, stream); })));
  CHECK(lost(error_of([&] { Device(0).synchronize(); })));
  CHECK(lost(error_of([&] { const DeviceMemory none(8); })));
  CHECK(operation_count() > before + 3);
  lose_device(0);
  fill_zero(x.data(), 256, stream);
  CHECK(to_host<float>(x, stream) == std::vector<float>(64, 0.0f));
}

}  // namespace qbench::test
