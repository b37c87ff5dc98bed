#include "backend/cuda/cuda_limits.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "base/random.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/probes.h"
#include "tensor/float_formats.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {

namespace kernels = qbench::kernels::QB_CUDA_NAMESPACE;

namespace {

#ifdef QB_CUDA_EMULATED
constexpr bool kEmulated = true;
#else
constexpr bool kEmulated = false;
#endif

constexpr int kRuns = 7;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 31;  ///< far more than any cache: the second level of an H200 has 50 MB
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

/// Seconds of one square product of matrices of kMatmulSize, BF16 in, float32 out.
double matmul_seconds(kernels::Stream& stream) {
  constexpr std::int64_t n = kMatmulSize;
  const kernels::WeightLayout layout = kernels::weight_layout(tensor::DType::kBF16, n);
  const kernels::DeviceMemory weights(static_cast<std::size_t>(n * layout.row_bytes));
  const kernels::DeviceMemory h(static_cast<std::size_t>(n * kernels::prepared_cols(n) * 2));
  const kernels::DeviceMemory y(static_cast<std::size_t>(n * n) * sizeof(float));
  fill_bf16(weights, stream);
  fill_bf16(h, stream);
  kernels::MatmulArguments a{};
  a.w = kernels::weight_rows(layout, weights.data());
  a.rows = a.tokens = kMatmulSize;
  a.h = h.as<unsigned short>();
  a.y = y.as<float>();
  a.y_stride = n;
  return best_seconds(stream, [&] { kernels::matmul(a, stream); });
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

MachineLimits measure_cuda_limits(const kernels::DeviceProperties& properties, kernels::Stream& stream) {
  const std::uint64_t bytes = kEmulated ? 1U << 16 : std::min(kMostBytes, properties.free_bytes / 8) / 4096 * 4096;
  double read = 0, copy = 0;
  {
    const kernels::DeviceMemory from(bytes), to(bytes);
    const kernels::DeviceMemory sums(kernels::probe_blocks(properties.sm_count) * sizeof(unsigned));
    fill_bf16(from, stream);
    const auto count = static_cast<std::int64_t>(bytes / 16);
    read = best_seconds(stream, [&] { kernels::read_probe({from.data(), count, sums.as<unsigned>()}, properties.sm_count, stream); });
    copy = best_seconds(stream, [&] { kernels::copy_probe({from.data(), to.data(), count}, properties.sm_count, stream); });
  }
  const double matmul = matmul_seconds(stream);
  const double launch = launch_seconds(false, properties.sm_count, stream);
  const bool has_programmatic = properties.capability_major >= 9;
  const double early = has_programmatic ? launch_seconds(true, properties.sm_count, stream) : 0;
  if (kEmulated) return {};
  MachineLimits limits;
  limits.read_gbps = static_cast<double>(bytes) / read / 1e9;
  limits.copy_gbps = 2 * static_cast<double>(bytes) / copy / 1e9;
  constexpr double n = kMatmulSize;
  limits.matmul_tflops = 2 * n * n * n / matmul / 1e12;
  limits.launch_us = launch * 1e6;
  if (has_programmatic) limits.launch_programmatic_us = early * 1e6;
  return limits;
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
