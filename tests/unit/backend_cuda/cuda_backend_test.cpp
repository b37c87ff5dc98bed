#include "backend/cuda/cuda_backend.h"

#include <doctest/doctest.h>

#include <optional>

#include "backend/step_cases.h"
#include "base/error.h"
#include "cuda_test_device.h"

namespace qbench::backend {
namespace {

using namespace qbench::test;  // NOLINT: the test's own helpers
using tensor::DType;

TEST_CASE("the CUDA device says what it is") {
  const DeviceInfo info = make_cuda_device()->device();
#ifdef QB_CUDA_EMULATED
  CHECK(info.kind == DeviceKind::kCudaEmulated);
  CHECK(info.name == "cuda-emulated");
  CHECK(info.instruction_sets == "sm_90, prompts by host twin of cuBLASLt");
#else
  CHECK(info.kind == DeviceKind::kCuda);
  CHECK(info.name == "cuda:0");
  CHECK(info.instruction_sets.starts_with("sm_"));
#endif
  CHECK_FALSE(info.description.empty());
  CHECK(info.attention_path.starts_with("flash"));
  CHECK(info.memory_bytes > 0);
  CHECK(info.memory_free_bytes <= info.memory_bytes);
}

TEST_CASE("probes of the machine are charged to no model, and keep within what a limit leaves") {
  CudaOptions options;
  options.memory_limit_bytes = 4096;  // less than any probe takes
  const auto device = make_cuda_device(1, options);
  const MemoryUse before = device->memory_use();
  const MachineLimits limits = device->measure_limits();
  CHECK(device->memory_use().peak == before.peak);
  CHECK(device->memory_use().total() == before.total());
  CHECK_FALSE(limits.read_gbps);
  CHECK_FALSE(limits.matmul_tflops);
}

TEST_CASE("a GPU's limits are measured, the emulated device runs the same probes and has none") {
  const MachineLimits limits = make_cuda_device()->measure_limits();
#ifdef QB_CUDA_EMULATED
  CHECK_FALSE((limits.read_gbps || limits.copy_gbps || limits.matmul_tflops || limits.launch_us || limits.launch_programmatic_us));
#else
  REQUIRE((limits.read_gbps && limits.copy_gbps && limits.matmul_tflops && limits.launch_us));
  CHECK(*limits.read_gbps > 50);
  CHECK(*limits.matmul_tflops > 1);
  CHECK(*limits.launch_us > 0);
#endif
}

TEST_CASE("a CUDA device that is not there is an error") {
  CHECK(error_of([] { make_cuda_device(1, {.device = 1000}); }) == ErrorCode::kDevice);
}

TEST_CASE("a CUDA cache that cannot fit, or has an unknown form, is an error and not a crash") {
  const auto device = make_cuda_device();
  CHECK(error_of([&] {
          device->make_kv_cache({1 << 20, 1 << 20, 64, 1 << 20, std::int64_t{1} << 30, DType::kF32});
        }) == ErrorCode::kMemory);
  CHECK(error_of([&] { device->make_kv_cache({1, 1, 40, 1, 16, DType::kQ8_0}); }) == ErrorCode::kUnsupported);
  CHECK(error_of([&] { device->make_kv_cache({1, 1, 64, 1, 16, DType::kQ6_K}); }) == ErrorCode::kUnsupported);
  CHECK(error_of([&] { device->make_kv_cache({1, 1, 256, 1, 16, DType::kBF16}); }) == ErrorCode::kUnsupported);
  CHECK(error_of([&] { device->make_kv_cache({1, 1, 12, 1, 16, DType::kBF16}); }) == ErrorCode::kUnsupported);
}

TEST_CASE("what the CUDA kernels do not do is refused in one line with what to do instead") {
  const auto device = make_cuda_device();
  const auto refusal = [](auto&& body) -> std::string {
    try {
      body();
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kUnsupported);
      return error.what();
    }
    return {};
  };
  const auto says = [](const std::string& message, const std::string& what, const std::string& instead) {
    CAPTURE(message);
    CHECK(message.find(what) != std::string::npos);
    CHECK(message.find(instead) != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
  };
  says(refusal([&] { device->make_kv_cache({1, 1, 256, 1, 16, DType::kBF16}); }), "not 256", "use --device cpu");
  says(refusal([&] { device->make_kv_cache({1, 1, 12, 1, 16, DType::kBF16}); }), "not 12", "use --device cpu");
  says(refusal([&] { device->make_kv_cache({1, 1, 40, 1, 16, DType::kQ8_0}); }), "not 40", "--kv-type f32, f16 or bf16");
  says(refusal([&] { device->make_kv_cache({1, 1, 64, 1, 16, DType::kQ6_K}); }), "q6_k", "--kv-type");
  struct Unread final : tensor::RowSource {
    DType dtype() const override { return DType::kQ2_K; }
    std::int64_t rows() const override { return 8; }
    std::int64_t cols() const override { return 256; }
    void read_rows(std::int64_t, std::int64_t, std::byte*) const override {}
  } unread;
  says(refusal([&] { load(*device, {&unread}); }), "q2_k", "use --device cpu");
  const Weights wide(1, 60000, 1);
  says(refusal([&] { load(*device, {&wide}); }), "60000", "use --device cpu");
}

TEST_CASE("a CUDA cache reports the bytes it occupies") {
  const auto device = make_cuda_device();
  CHECK(device->make_kv_cache({30, 3, 64, 2, 100, DType::kBF16})->device_bytes() == 30ULL * 3 * 64 * 2 * 100 * 2 * 2);
  CHECK(device->make_kv_cache({2, 1, 64, 1, 16, DType::kQ8_0})->device_bytes() == 2ULL * 2 * (16 * 64 + 256));
}

TEST_CASE("read copies the range that was asked for from the CUDA device") {
  const auto device = make_cuda_device();
  const auto numbers = normal_numbers(100, 1);
  const auto buffer = device->load_vector(numbers);
  CHECK(buffer->size() == 100);
  std::vector<float> part(10);
  device->read(*buffer, 90, part);
  CHECK(part == std::vector<float>(numbers.begin() + 90, numbers.end()));
  device->read(*buffer, 100, std::span<float>{});
  CHECK(device->allocate(0)->size() == 0);
}

TEST_CASE("an error while rows are read for the CUDA device reaches the caller") {
  struct Broken final : tensor::RowSource {
    DType dtype() const override { return DType::kF32; }
    std::int64_t rows() const override { return 64; }
    std::int64_t cols() const override { return 64; }
    void read_rows(std::int64_t, std::int64_t, std::byte*) const override { throw Error(ErrorCode::kIo, "cannot be read", "test"); }
  } broken;
  const auto device = make_cuda_device();
  CHECK(error_of([&] { load(*device, {&broken}); }) == ErrorCode::kIo);
}

TEST_CASE("activations that do not fit in shared memory are refused with the sizes") {
  const auto device = make_cuda_device();
  const Weights wide(1, 60000, 1);
  CHECK(error_of([&] { load(*device, {&wide}); }) == ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace qbench::backend
