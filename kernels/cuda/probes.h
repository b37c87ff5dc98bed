#pragma once

#include <cstdint>

#include "kernels/cuda/matvec.h"

/// Kernels that show what a device reaches at best: the denominators of every share that is reported.
namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Blocks of a probe: eight warps each, four to a multiprocessor.
constexpr unsigned probe_blocks(int sm_count) { return 4U * static_cast<unsigned>(sm_count); }
constexpr int kProbeThreads = 256;

/// Reads `count` pieces of 16 bytes once, as weights are read; sums[b] = exclusive or of all 32-bit words that block b has read.
struct ReadProbeArguments {
  const void* from;    // (count) 16 bytes each, 16-byte aligned
  std::int64_t count;
  unsigned* sums;      // (probe_blocks(sm_count))
};
constexpr Cost read_probe_cost(const ReadProbeArguments& a) { return {static_cast<std::uint64_t>(16 * a.count), 0}; }
void read_probe(const ReadProbeArguments& a, int sm_count, Stream& stream);

/// Copies `count` pieces of 16 bytes.
struct CopyProbeArguments {
  const void* from;    // (count) 16 bytes each, 16-byte aligned
  void* to;            // (count)
  std::int64_t count;
};
constexpr Cost copy_probe_cost(const CopyProbeArguments& a) { return {static_cast<std::uint64_t>(32 * a.count), 0}; }
void copy_probe(const CopyProbeArguments& a, int sm_count, Stream& stream);

/// x[b] = 2 x[b] + 1 for each block b of a whole-device launch: next to no work, so that a chain of them takes the time of its launches.
struct LaunchProbeArguments {
  unsigned* x;  // (probe_blocks(sm_count))
  bool programmatic;
};
constexpr Cost launch_probe_cost(const LaunchProbeArguments&) { return {0, 0}; }
void launch_probe(const LaunchProbeArguments& a, int sm_count, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
