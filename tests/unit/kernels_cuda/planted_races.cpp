#include <cstring>
#include <vector>

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/emulation/control.h"

/// Kernels with a planted race whose result is right in the order that happens: fixed, one block after another. A program of its own, since
/// ThreadSanitizer finds surely only what few threads do. planted_races NAME: exit status 0 when the result is right, else 3.
namespace qbench::kernels::cuda_emulated {
namespace {

enum class Race { kNone, kNoBarrier, kNoWarpBarrier, kNoAtomic, kNoFence, kShuffleForBarrier, kNoBarrierBeforeRefill, kReadsBeforeWait };

constexpr int kBlockThreads = 64;

/// Each thread writes its number; the thread after it in number reads it, which is the order that the emulation's fixed order has.
template <Race R>
QB_KERNEL hand_on(int* out) {
  QB_SHARED(int, held, kBlockThreads);
  QB_SHARED(int, of_warp, kBlockThreads);
  const int t = thread_x();
  held[t] = t;
  if constexpr (R != Race::kNoBarrier) sync_threads();
  const int before = t == 0 ? 0 : held[t - 1];
  of_warp[t] = before;
  int sum = 0;
  if constexpr (R == Race::kShuffleForBarrier) {
    sum = shuffle(before, 0) - shuffle(before, 0);  // lanes meet, but memory is not ordered
  } else if constexpr (R != Race::kNoWarpBarrier) {
    sync_warp();
  }
  sum += lane() == 0 ? 0 : of_warp[t - 1];
  out[block_x() * kBlockThreads + t] = sum;
}

template <Race R>
QB_KERNEL count_blocks(unsigned* total) {
  if (thread_x() != 0) return;
  if constexpr (R == Race::kNoAtomic) {
    *total += 1;
  } else {
    atomic_add(total, 1);
  }
}

/// The last block to arrive adds up what all have written.
template <Race R>
QB_KERNEL add_up(const int* in, int* parts, unsigned* arrived, int* sum) {
  if (thread_x() != 0) return;
  parts[block_x()] = in[block_x()];
  if constexpr (R != Race::kNoFence) thread_fence();
  if (atomic_add(arrived, 1) + 1 != static_cast<unsigned>(grid_x())) return;
  if constexpr (R != Race::kNoFence) thread_fence();
  int total = 0;
  for (int i = 0; i < grid_x(); ++i) total += parts[i];
  *sum = total;
}

template <Race R>
QB_KERNEL refill(const int* in, int stages, int* out) {
  QB_SHARED(int, ring, 4 * kBlockThreads);
  int sum = 0;
  for (int stage = 0; stage < stages; ++stage) {
    cp_async16(&ring[thread_x() * 4], &in[(stage * kBlockThreads + thread_x()) * 4]);
    cp_async_commit();
    cp_async_wait<0>();
    sync_threads();
    sum += ring[(thread_x() + 1) % kBlockThreads * 4];
    if constexpr (R != Race::kNoBarrierBeforeRefill) sync_threads();
  }
  out[thread_x()] = sum;
}

QB_KERNEL write_one(int* x) {
  grid_dependency_wait();
  x[thread_x()] = 1;
}

/// Touches what its predecessor writes before it waits, in a way that leaves the result right.
template <Race R>
QB_KERNEL overwrite(int* x) {
  if constexpr (R == Race::kReadsBeforeWait) x[thread_x()] = 2;
  grid_dependency_wait();
  x[thread_x()] = 2;
}

template <typename T>
DeviceMemory to_device(const std::vector<T>& values, Stream& stream) {
  DeviceMemory memory(values.size() * sizeof(T));
  copy_to_device(memory.data(), values.data(), memory.bytes(), stream);
  return memory;
}

template <typename T>
std::vector<T> to_host(const DeviceMemory& memory, Stream& stream) {
  std::vector<T> values(memory.bytes() / sizeof(T));
  copy_to_host(values.data(), memory.data(), values.size() * sizeof(T), stream);
  stream.synchronize();
  return values;
}

constexpr int kBlocks = 5;

template <Race R>
bool hand_on_is_wrong() {
  Stream stream;
  const DeviceMemory out(kBlocks * kBlockThreads * sizeof(int));
  launch(LaunchConfig{{kBlocks, 1, 1}, kBlockThreads, 0, stream, false, "hand_on"}, hand_on<R>, out.as<int>());
  return to_host<int>(out, stream)[40] != 38;
}

template <Race R>
bool count_is_wrong() {
  Stream stream;
  const DeviceMemory total = to_device(std::vector<unsigned>{0}, stream);
  launch(LaunchConfig{{kBlocks, 1, 1}, 32, 0, stream, false, "count_blocks"}, count_blocks<R>, total.as<unsigned>());
  return to_host<unsigned>(total, stream)[0] != kBlocks;
}

template <Race R>
bool sum_is_wrong() {
  Stream stream;
  const DeviceMemory in = to_device(std::vector<int>{1, 2, 3, 4, 5}, stream), parts(kBlocks * sizeof(int)), sum(sizeof(int));
  const DeviceMemory arrived = to_device(std::vector<unsigned>{0}, stream);
  launch(LaunchConfig{{kBlocks, 1, 1}, 32, 0, stream, false, "add_up"}, add_up<R>, in.as<int>(), parts.as<int>(), arrived.as<unsigned>(),
         sum.as<int>());
  return to_host<int>(sum, stream)[0] != 15;
}

template <Race R>
bool refill_is_wrong() {
  Stream stream;
  const DeviceMemory in = to_device(std::vector<int>(3 * 4 * kBlockThreads, 7), stream), out(kBlockThreads * sizeof(int));
  launch(LaunchConfig{{1, 1, 1}, kBlockThreads, 0, stream, false, "refill"}, refill<R>, in.as<int>(), 3, out.as<int>());
  return to_host<int>(out, stream)[3] != 21;
}

template <Race R>
bool overwrite_is_wrong() {
  Stream stream;
  const DeviceMemory x(kBlockThreads * sizeof(int));
  launch(LaunchConfig{{1, 1, 1}, kBlockThreads, 0, stream, true, "write_one"}, write_one, x.as<int>());
  launch(LaunchConfig{{1, 1, 1}, kBlockThreads, 0, stream, true, "overwrite"}, overwrite<R>, x.as<int>());
  return to_host<int>(x, stream)[5] != 2;
}

struct Planted {
  const char* name;
  bool (*is_wrong)();
};

constexpr Planted kPlanted[] = {
    {"hand_on", hand_on_is_wrong<Race::kNone>},
    {"hand_on without barrier", hand_on_is_wrong<Race::kNoBarrier>},
    {"hand_on without warp barrier", hand_on_is_wrong<Race::kNoWarpBarrier>},
    {"hand_on with a shuffle for a barrier", hand_on_is_wrong<Race::kShuffleForBarrier>},
    {"count", count_is_wrong<Race::kNone>},
    {"count without atomic", count_is_wrong<Race::kNoAtomic>},
    {"sum", sum_is_wrong<Race::kNone>},
    {"sum without fence", sum_is_wrong<Race::kNoFence>},
    {"refill", refill_is_wrong<Race::kNone>},
    {"refill without barrier", refill_is_wrong<Race::kNoBarrierBeforeRefill>},
    {"overwrite", overwrite_is_wrong<Race::kNone>},
    {"overwrite before the wait", overwrite_is_wrong<Race::kReadsBeforeWait>},
};

}  // namespace
}  // namespace qbench::kernels::cuda_emulated

int main(int argc, char** argv) {
  using namespace qbench::kernels::cuda_emulated;
  set_emulation({.order = EmulationOrder::kFixed});
  for (const Planted& planted : kPlanted) {
    if (argc == 2 && std::strcmp(argv[1], planted.name) == 0) return planted.is_wrong() ? 3 : 0;
  }
  return 2;
}
