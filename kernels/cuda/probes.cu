#include "kernels/cuda/probes.h"

#include "kernels/cuda/device.cuh"

// What the device reaches at best: a stream that is only read, a copy, an empty launch.
//
// Grid: probe_blocks(sm_count). Block: 256 threads that walk through the memory together, each with eight (read) or four (copy) loads of 16 bytes
// in flight: 4 x 256 x 8 x 16 B = 128 KB for each multiprocessor, several times what the latency of HBM asks for. Bytes moved: count * 16 read,
// and as many written by the copy. Deterministic.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kReads = 8;
constexpr int kCopies = 4;

QB_KERNEL QB_LAUNCH_BOUNDS(kProbeThreads, 4) read_probe_kernel(ReadProbeArguments a) {
  QB_SHARED(unsigned, partial, kProbeThreads / 32);
  const auto* from = static_cast<const uint4*>(a.from);
  const long long step = static_cast<long long>(grid_x()) * kProbeThreads;
  unsigned sum = 0;
  long long i = static_cast<long long>(block_x()) * kProbeThreads + thread_x();
  for (; i + (kReads - 1) * step < a.count; i += kReads * step) {
    uint4 v[kReads];
#pragma unroll
    for (int r = 0; r < kReads; ++r) v[r] = load_weights128(from + i + r * step);
#pragma unroll
    for (int r = 0; r < kReads; ++r) sum ^= v[r].x ^ v[r].y ^ v[r].z ^ v[r].w;
  }
  for (; i < a.count; i += step) {
    const uint4 v = load_weights128(from + i);
    sum ^= v.x ^ v.y ^ v.z ^ v.w;
  }
  sum = warp_butterfly(sum, 1, 16, [](unsigned x, unsigned y) { return x ^ y; });
  if (lane() == 0) partial[warp()] = sum;
  sync_threads();
  if (thread_x() != 0) return;
  unsigned total = 0;
  for (int w = 0; w < kProbeThreads / 32; ++w) total ^= partial[w];
  a.sums[block_x()] = total;
}

QB_KERNEL QB_LAUNCH_BOUNDS(kProbeThreads, 4) copy_probe_kernel(CopyProbeArguments a) {
  const auto* from = static_cast<const uint4*>(a.from);
  auto* to = static_cast<uint4*>(a.to);
  const long long step = static_cast<long long>(grid_x()) * kProbeThreads;
  long long i = static_cast<long long>(block_x()) * kProbeThreads + thread_x();
  for (; i + (kCopies - 1) * step < a.count; i += kCopies * step) {
    uint4 v[kCopies];
#pragma unroll
    for (int r = 0; r < kCopies; ++r) v[r] = load_weights128(from + i + r * step);
#pragma unroll
    for (int r = 0; r < kCopies; ++r) to[i + r * step] = v[r];
  }
  for (; i < a.count; i += step) to[i] = load_weights128(from + i);
}

QB_KERNEL QB_LAUNCH_BOUNDS(kProbeThreads, 4) launch_probe_kernel(LaunchProbeArguments a) {
  grid_dependency_wait();
  grid_dependency_trigger();
  if (thread_x() == 0) a.x[block_x()] = 2 * a.x[block_x()] + 1;
}

LaunchConfig whole_device(int sm_count, Stream& stream, bool programmatic, const char* name) {
  return LaunchConfig{{probe_blocks(sm_count), 1, 1}, kProbeThreads, 0, stream, programmatic, name};
}

}  // namespace

void read_probe(const ReadProbeArguments& a, int sm_count, Stream& stream) {
  launch(whole_device(sm_count, stream, false, "read_probe"), read_probe_kernel, a);
}

void copy_probe(const CopyProbeArguments& a, int sm_count, Stream& stream) {
  launch(whole_device(sm_count, stream, false, "copy_probe"), copy_probe_kernel, a);
}

void launch_probe(const LaunchProbeArguments& a, int sm_count, Stream& stream) {
  launch(whole_device(sm_count, stream, a.programmatic, "launch_probe"), launch_probe_kernel, a);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
