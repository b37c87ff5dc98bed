#include "backend/cuda/cuda_limits.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/probes.h"
#include "tensor/float_formats.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {

namespace {

#ifdef QB_CUDA_EMULATED
constexpr bool kEmulated = true;
#else
constexpr bool kEmulated = false;
#endif

constexpr int kRuns = 7;
constexpr std::uint64_t kMostBytes = kEmulated ? 1U << 16 : std::uint64_t{1} << 31;  ///< far more than any cache: the second level of an H200 has 50 MB
constexpr std::uint64_t kFewestBytes = kEmulated ? 4096 : std::uint64_t{256} << 20;  ///< below, caches would answer
constexpr std::uint64_t kBlasProbeWorkBytes = kEmulated ? 4096 : std::uint64_t{32} << 20;
constexpr std::int32_t kMatmulSize = kEmulated ? 128 : 8192;
constexpr int kLaunches = kEmulated ? 8 : 1024;

/// The shortest of several runs, in seconds, after one that is not measured.
double best_seconds(kernels::Stream& stream, const std::function<void()>& work) {
  double best = 0;
  for (int run = 0; run <= kRuns; ++run) {
    kernels::Event start, end;
    start.record(stream);
    work();
    end.record(stream);
    stream.synchronize();
    const double seconds = static_cast<double>(end.elapsed_ms_since(start)) / 1e3;
    if (run == 1 || (run > 1 && seconds < best)) best = seconds;
    if (kEmulated) break;
  }
  return best;
}

/// Normal numbers in bfloat16 all over: power, and so clocks, depend on values.
void fill_bf16(const kernels::DeviceMemory& memory, kernels::Stream& stream) {
  Random random(1);
  std::vector<std::uint16_t> some(std::min<std::size_t>(memory.bytes() / 2, std::size_t{1} << 20));
  for (std::uint16_t& bits : some) bits = tensor::bf16_from_f32(static_cast<float>(random.next_normal() / 64.0));
  std::size_t filled = some.size() * 2;
  copy_to_device(memory.data(), some.data(), filled, stream);
  while (filled < memory.bytes()) {
    const std::size_t more = std::min(filled, memory.bytes() - filled);
    copy_on_device(memory.as<unsigned char>() + filled, memory.data(), more, stream);
    filled += more;
  }
  stream.synchronize();
}

/// Seconds of one square product of n x n matrices, BF16 in, float32 out, and who did it.
struct Product {
  double seconds;
  std::string by;
};

double library_seconds(kernels::BlasArguments a, kernels::Stream& stream) {
  constexpr int kMostWays = 8;
  double best = 0;
  for (const kernels::BlasAlgorithm& way : a.blas->candidates(a.shape, kBlasProbeWorkBytes, kMostWays)) {
    a.algorithm = way;
    if (!a.blas->does(a.shape, way, kBlasProbeWorkBytes)) continue;
    const double seconds = best_seconds(stream, [&] { a.blas->multiply(a, stream); });
    if (best == 0 || seconds < best) best = seconds;
    if (kEmulated) break;
  }
  return best;
}

/// The faster of the own kernel and the library, since prompts run either.
Product matmul_product(std::int32_t n, std::int32_t stages, kernels::Blas* blas, kernels::Stream& stream) {
  const kernels::WeightLayout layout = kernels::weight_layout(tensor::DType::kBF16, n);
  const std::int64_t h_cols = kernels::prepared_cols(n);
  const kernels::DeviceMemory weights(static_cast<std::size_t>(n * layout.row_bytes));
  const kernels::DeviceMemory h(static_cast<std::size_t>(n * h_cols * 2));
  const kernels::DeviceMemory y(static_cast<std::size_t>(std::int64_t{n} * n) * sizeof(float));
  fill_bf16(weights, stream);
  fill_bf16(h, stream);
  kernels::MatmulArguments a{};
  a.w = kernels::weight_rows(layout, weights.data());
  a.rows = a.tokens = n;
  a.h = h.as<unsigned short>();
  a.y = y.as<float>();
  a.y_stride = n;
  a.stages = stages;
  Product fastest{best_seconds(stream, [&] { kernels::matmul(a, stream); }), "own kernel"};
  if (blas == nullptr) return fastest;
  const kernels::DeviceMemory workspace(kBlasProbeWorkBytes);
  kernels::BlasArguments l{};
  l.blas = blas;
  l.shape = {.dtype = tensor::DType::kBF16, .rows = n, .tokens = n, .cols = n, .w_stride = layout.row_bytes / 2, .h_stride = h_cols, .y_stride = n};
  l.w = weights.data();
  l.h = h.as<unsigned short>();
  l.y = y.as<float>();
  l.workspace = workspace.data();
  const double seconds = library_seconds(l, stream);
  if (seconds > 0 && seconds < fastest.seconds) fastest = {seconds, blas->version()};
  return fastest;
}

/// The largest product that fits in so many bytes; 0: none that says anything.
std::int32_t product_size(std::uint64_t bytes) {
  constexpr std::int32_t kSmallest = kEmulated ? kMatmulSize : 1024;
  for (std::int32_t n = kMatmulSize; n >= kSmallest; n /= 2) {
    const auto numbers = static_cast<std::uint64_t>(n) * static_cast<std::uint64_t>(n + 64);
    if (8 * numbers + kBlasProbeWorkBytes <= bytes) return n;
  }
  return 0;
}

/// Seconds of one launch of many in a graph.
double launch_seconds(bool programmatic, int sm_count, kernels::Stream& stream) {
  const kernels::DeviceMemory x(kernels::probe_blocks(sm_count) * sizeof(unsigned));
  fill_zero(x.data(), x.bytes(), stream);
  const auto graph = kernels::Graph::capture(stream, [&] {
    for (int i = 0; i < kLaunches; ++i) kernels::launch_probe({x.as<unsigned>(), programmatic}, sm_count, stream);
  });
  return best_seconds(stream, [&] { graph.launch(stream); }) / kLaunches;
}

}  // namespace

MachineLimits measure_cuda_limits(const kernels::DeviceProperties& properties, std::uint64_t room_bytes, kernels::Blas* blas, kernels::Stream& stream) {
  const std::uint64_t room = std::min(properties.free_bytes, room_bytes) / 2;
  MachineLimits limits;
  // Two areas at a time.
  const std::uint64_t bytes = std::min(kMostBytes, room / 2) / 4096 * 4096;
  if (bytes >= kFewestBytes) {
    const kernels::DeviceMemory from(bytes), to(bytes);
    const kernels::DeviceMemory sums(kernels::probe_blocks(properties.sm_count) * sizeof(unsigned));
    fill_bf16(from, stream);
    const auto count = static_cast<std::int64_t>(bytes / 16);
    const double read =
        best_seconds(stream, [&] { kernels::read_probe({from.data(), count, sums.as<unsigned>()}, properties.sm_count, stream); });
    const double copy = best_seconds(stream, [&] { kernels::copy_probe({from.data(), to.data(), count}, properties.sm_count, stream); });
    limits.read_gbps = static_cast<double>(bytes) / read / 1e9;
    limits.copy_gbps = 2 * static_cast<double>(bytes) / copy / 1e9;
  }
  if (const std::int32_t size = product_size(room); size > 0) {
    const std::int32_t stages = kernels::matmul_stages(static_cast<std::int64_t>(properties.shared_bytes_per_block));
    const Product product = matmul_product(size, stages, blas, stream);
    const double n = size;
    limits.matmul_tflops = 2 * n * n * n / product.seconds / 1e12;
    limits.matmul_by = product.by;
  }
  limits.launch_us = launch_seconds(false, properties.sm_count, stream) * 1e6;
  if (properties.capability_major >= 9) limits.launch_programmatic_us = launch_seconds(true, properties.sm_count, stream) * 1e6;
  return kEmulated ? MachineLimits{} : limits;
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
