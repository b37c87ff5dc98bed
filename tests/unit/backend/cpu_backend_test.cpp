#include "backend/cpu/cpu_backend.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "kernels/cpu/isa.h"
#include "step_cases.h"

namespace qbench::backend {
namespace {

using namespace qbench::test;  // NOLINT: the test's own helpers
using tensor::DType;

TEST_CASE("the device says what it is") {
  const auto device = make_cpu_backend({2, kernels::cpu::Isa::kScalar});
  const DeviceInfo info = device->device();
  CHECK(info.kind == DeviceKind::kCpu);
  CHECK(info.name == "cpu");
  CHECK_FALSE(info.description.empty());
  CHECK(info.instruction_sets == "scalar");
  CHECK(info.attention_path.starts_with("flash"));
  CHECK(info.threads == 2);
  CHECK(info.memory_bytes > 0);
  CHECK(info.memory_free_bytes > 0);
  CHECK(info.memory_free_bytes <= info.memory_bytes);
}

TEST_CASE("the default number of threads is at least one and what the device then has") {
  CHECK(default_cpu_threads() >= 1);
  CHECK(make_cpu_backend()->device().threads == default_cpu_threads());
}

TEST_CASE("absurd options are refused") {
  CHECK(error_of([] { make_cpu_backend({-1, {}}); }) == ErrorCode::kUsage);
  CHECK(error_of([] { make_cpu_backend({1000000, {}}); }) == ErrorCode::kUsage);
  const auto features = kernels::cpu::detect_features();
  if (features.avx512) {
    report_skip("an instruction set that this processor lacks", "it has them all");
  } else {
    CHECK(error_of([] { make_cpu_backend({1, kernels::cpu::Isa::kAvx512}); }) == ErrorCode::kUnsupported);
  }
}

TEST_CASE("a cache that cannot fit, or has an unknown form, is an error and not a crash") {
  const auto device = make_cpu_backend({1, {}});
  CHECK(error_of([&] { device->make_kv_cache({64, 8, 128, 64, 1 << 22, DType::kF32}); }) == ErrorCode::kMemory);
  CHECK(error_of([&] {
          device->make_kv_cache({1 << 20, 1 << 20, 65536, 1 << 20, std::int64_t{1} << 40, DType::kF32});
        }) == ErrorCode::kMemory);
  CHECK(error_of([&] { device->make_kv_cache({1, 1, 40, 1, 16, DType::kQ8_0}); }) == ErrorCode::kUnsupported);
  CHECK(error_of([&] { device->make_kv_cache({1, 1, 64, 1, 16, DType::kQ6_K}); }) == ErrorCode::kUnsupported);
  CHECK(error_of([&] { device->allocate(std::int64_t{1} << 45); }) == ErrorCode::kMemory);
}

TEST_CASE("a cache reports the bytes it occupies") {
  const auto device = make_cpu_backend({1, {}});
  CHECK(device->make_kv_cache({30, 3, 64, 2, 100, DType::kBF16})->device_bytes() == 30ULL * 3 * 64 * 2 * 112 * 2 * 2);
  CHECK(device->make_kv_cache({2, 1, 64, 1, 16, DType::kQ8_0})->device_bytes() == 2ULL * 16 * (64 + 4) * 2);
}

TEST_CASE("read copies the range that was asked for") {
  const auto device = make_cpu_backend({1, {}});
  const auto numbers = normal_numbers(100, 1);
  const auto buffer = device->load_vector(numbers);
  CHECK(buffer->size() == 100);
  std::vector<float> part(10);
  device->read(*buffer, 90, part);
  CHECK(part == std::vector<float>(numbers.begin() + 90, numbers.end()));
  device->read(*buffer, 100, std::span<float>{});
  const auto empty = device->allocate(0);
  CHECK(empty->size() == 0);
}

TEST_CASE("an error while rows are read reaches the caller") {
  struct Broken final : tensor::RowSource {
    DType dtype() const override { return DType::kF32; }
    std::int64_t rows() const override { return 64; }
    std::int64_t cols() const override { return 64; }
    void read_rows(std::int64_t, std::int64_t, std::byte*) const override { throw Error(ErrorCode::kIo, "cannot be read", "test"); }
  } broken;
  const auto device = make_cpu_backend({3, {}});
  CHECK(error_of([&] { load(*device, {&broken}); }) == ErrorCode::kIo);
}

}  // namespace
}  // namespace qbench::backend
