#include "backend/cpu/cpu_probes.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "backend/cpu/host_limits.h"
#include "base/clock.h"
#include "kernels/cpu/matmul.h"
#include "tensor/convert.h"
#include "tensor/row_source.h"

namespace qbench::backend {
namespace cpu_kernels = kernels::cpu;
namespace {

constexpr std::uint64_t kProbeBytes = std::uint64_t{256} << 20;
constexpr std::uint64_t kFewestBytes = std::uint64_t{64} << 20;  ///< below, the caches would answer
constexpr int kRuns = 5;
constexpr std::int64_t kProductSize = 1024;
constexpr std::int64_t kProductTokens = 128;

/// Seconds of the fastest of several runs.
template <class Body>
double best_seconds(const Body& body) {
  std::int64_t best_ns = INT64_MAX;
  for (int run = 0; run < kRuns; ++run) {
    const std::int64_t start_ns = now_ns();
    body();
    best_ns = std::min(best_ns, now_ns() - start_ns);
  }
  return static_cast<double>(std::max<std::int64_t>(best_ns, 1)) * 1e-9;
}

/// Independent sums, so that loads and not additions are what takes time.
std::uint64_t sum_of(const std::uint64_t* from, std::int64_t count) {
  std::uint64_t sum[8] = {};
  for (std::int64_t i = 0; i + 8 <= count; i += 8) {
    for (int j = 0; j < 8; ++j) sum[j] += from[i + j];
  }
  std::uint64_t total = 0;
  for (const std::uint64_t part : sum) total += part;
  return total;
}

void measure_memory(CpuContext& context, std::uint64_t room_bytes, MachineLimits& limits) {
  const std::uint64_t free_bytes = host_memory().free_bytes;
  const std::uint64_t most = std::min(kProbeBytes, room_bytes);
  const std::uint64_t bytes = (free_bytes == 0 ? most : std::min(most, free_bytes / 4)) / 4096 * 4096;
  if (bytes < kFewestBytes) return;
  WorkArea area;
  std::byte* data = area.need(bytes, "memory probe", context.pool);
  const auto words = static_cast<std::int64_t>(bytes / sizeof(std::uint64_t));
  std::atomic<std::uint64_t> seen{0};
  const double read_s = best_seconds([&] {
    context.pool.run([&](int thread) {
      const cpu_kernels::Range range = cpu_kernels::partition(words, 8, thread, context.pool.threads());
      seen += sum_of(reinterpret_cast<const std::uint64_t*>(data) + range.begin, range.size());
    });
  });
  limits.read_gbps = static_cast<double>(bytes) / read_s * 1e-9;
  const auto half = static_cast<std::int64_t>(bytes / 2);
  const double copy_s = best_seconds([&] {
    context.pool.run([&](int thread) {
      const cpu_kernels::Range range = cpu_kernels::partition(half, 4096, thread, context.pool.threads());
      std::memcpy(data + half + range.begin, data + range.begin, static_cast<std::size_t>(range.size()));
    });
  });
  limits.copy_gbps = static_cast<double>(bytes) / copy_s * 1e-9;
}

/// Weights of small numbers, whatever their type.
class ProbeRows final : public tensor::RowSource {
 public:
  explicit ProbeRows(tensor::DType dtype) : dtype_(dtype) {
    for (std::size_t i = 0; i < numbers_.size(); ++i) numbers_[i] = static_cast<float>(i % 17) * 0.01F - 0.08F;
  }
  tensor::DType dtype() const override { return dtype_; }
  std::int64_t rows() const override { return kProductSize; }
  std::int64_t cols() const override { return kProductSize; }
  void read_rows(std::int64_t, std::int64_t count, std::byte* to) const override {
    const std::int64_t bytes = tensor::row_bytes(dtype_, kProductSize);
    for (std::int64_t r = 0; r < count; ++r) tensor::quantize_row(dtype_, numbers_.data(), to + r * bytes, kProductSize);
  }

 private:
  tensor::DType dtype_;
  std::vector<float> numbers_ = std::vector<float>(kProductSize);
};

double product_tflops(CpuContext& context, tensor::DType dtype) {
  std::vector<std::unique_ptr<cpu_kernels::PackedMatrix>> parts;
  parts.push_back(cpu_kernels::pack_matrix(ProbeRows(dtype), context.isa, context.features,
                                           [](std::int64_t count, const auto& body) { body(std::int64_t{0}, count); }));
  const CpuMatrix matrix(std::move(parts));
  std::vector<float> x(static_cast<std::size_t>(kProductTokens * kProductSize), 0.25F);
  std::vector<float> y(x.size());
  InputStage stage(context);
  KindSet kinds;
  kinds.add(matrix);
  stage.plan({x.data(), nullptr, kProductTokens, kProductSize, nullptr, 0.0F}, kinds);
  const double seconds = best_seconds([&] {
    context.pool.run([&](int thread) {
      const PreparedInput prepared = stage.prepare(thread);
      multiply_share(context, matrix, prepared, kProductTokens, y.data(), kProductSize, false, thread);
    });
  });
  return static_cast<double>(2 * kProductSize * kProductSize * kProductTokens) / seconds * 1e-12;
}

}  // namespace

MachineLimits measure_cpu_limits(CpuContext& context, std::uint64_t room_bytes) {
  MachineLimits limits;
  measure_memory(context, room_bytes, limits);
  for (const tensor::DType dtype : {tensor::DType::kF32, tensor::DType::kBF16, tensor::DType::kQ8_0}) {
    const double tflops = product_tflops(context, dtype);
    if (tflops <= limits.matmul_tflops.value_or(0.0)) continue;
    limits.matmul_tflops = tflops;
    limits.matmul_by = tensor::name_of(dtype);
  }
  return limits;
}

}  // namespace qbench::backend
