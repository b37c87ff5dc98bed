#include "kernels/cuda/dequantise.h"

#include "kernels/cuda/matmul_tiles.cuh"

// Quantised rows to BF16, for the library's product of a long prompt.
//
// Grid: rows. A block's threads take units of 32 numbers in turn. Bytes: the packed row once, 2 for each number written. Deterministic.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kThreads = 128;

QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 1) dequantise_kernel(DequantiseArguments a) {
  grid_dependency_wait();
  grid_dependency_trigger();
  const int cols = static_cast<int>(prepared_cols(a.w.cols));
  const unsigned char* row = a.w.data + block_x() * a.w.row_bytes;
  unsigned short* to = a.to + static_cast<long long>(block_x()) * cols;
  for (int unit = thread_x(); unit < cols / 32; unit += kThreads) {
    if (unit < a.w.cols / 32) {
      decode_any_unit(a.w, row, unit, to + 32 * unit);
    } else {
      write_zero_unit(to + 32 * unit);
    }
  }
}

}  // namespace

void dequantise(const DequantiseArguments& a, Stream& stream) {
  launch(LaunchConfig{{static_cast<unsigned>(a.rows), 1, 1}, kThreads, 0, stream, a.programmatic, "dequantise"}, (dequantise_kernel), a);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
