#include "emulation_child.h"
#include "emulation_support.h"
#include "kernels/cuda/emulation/races.h"
#include "test_support.h"

/// What ThreadSanitizer finds of kernels whose result is right in the order that happened: fixed, one block after another.
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

constexpr int kBlocks = 5;

template <Race R>
bool hand_on_is_wrong() {
  Stream stream;
  const DeviceMemory out(kBlocks * kBlockThreads * sizeof(int));
  launch(LaunchConfig{{kBlocks, 1, 1}, kBlockThreads, 0, stream, false, "hand_on"}, hand_on<R>, out.as<int>());
  return test::to_host<int>(out, stream)[40] != 38;
}

template <Race R>
bool count_is_wrong() {
  Stream stream;
  const DeviceMemory total = test::to_device(std::vector<unsigned>{0}, stream);
  launch(LaunchConfig{{kBlocks, 1, 1}, 32, 0, stream, false, "count_blocks"}, count_blocks<R>, total.as<unsigned>());
  return test::to_host<unsigned>(total, stream)[0] != kBlocks;
}

template <Race R>
bool sum_is_wrong() {
  Stream stream;
  const DeviceMemory in = test::to_device(std::vector<int>{1, 2, 3, 4, 5}, stream), parts(kBlocks * sizeof(int)), sum(sizeof(int));
  const DeviceMemory arrived = test::to_device(std::vector<unsigned>{0}, stream);
  launch(LaunchConfig{{kBlocks, 1, 1}, 32, 0, stream, false, "add_up"}, add_up<R>, in.as<int>(), parts.as<int>(), arrived.as<unsigned>(),
         sum.as<int>());
  return test::to_host<int>(sum, stream)[0] != 15;
}

template <Race R>
bool refill_is_wrong() {
  Stream stream;
  const DeviceMemory in = test::to_device(std::vector<int>(3 * 4 * kBlockThreads, 7), stream), out(kBlockThreads * sizeof(int));
  launch(LaunchConfig{{1, 1, 1}, kBlockThreads, 0, stream, false, "refill"}, refill<R>, in.as<int>(), 3, out.as<int>());
  return test::to_host<int>(out, stream)[3] != 21;
}

template <Race R>
bool overwrite_is_wrong() {
  Stream stream;
  const DeviceMemory x(kBlockThreads * sizeof(int));
  launch(LaunchConfig{{1, 1, 1}, kBlockThreads, 0, stream, true, "write_one"}, write_one, x.as<int>());
  launch(LaunchConfig{{1, 1, 1}, kBlockThreads, 0, stream, true, "overwrite"}, overwrite<R>, x.as<int>());
  return test::to_host<int>(x, stream)[5] != 2;
}

/// How work ends in a child process in fixed order.
template <bool (*Work)()>
std::string in_fixed_order() {
  return test::in_child([] {
    const test::EmulationScope fixed(1, EmulationOrder::kFixed);
    return Work();
  });
}

}  // namespace
}  // namespace qbench::kernels::cuda_emulated

namespace qbench::test {
using namespace kernels::cuda_emulated;

TEST_CASE("kernels in which everything is ordered have no race") {
  CHECK(in_fixed_order<hand_on_is_wrong<Race::kNone>>() == "fine");
  CHECK(in_fixed_order<count_is_wrong<Race::kNone>>() == "fine");
  CHECK(in_fixed_order<sum_is_wrong<Race::kNone>>() == "fine");
  CHECK(in_fixed_order<refill_is_wrong<Race::kNone>>() == "fine");
  CHECK(in_fixed_order<overwrite_is_wrong<Race::kNone>>() == "fine");
}

TEST_CASE("ThreadSanitizer finds a race in an order that happens to be right") {
  if (!emulation::races::kWatched) {
    report_skip("races in a happy order", "built without ThreadSanitizer");
    return;
  }
  CHECK(in_fixed_order<hand_on_is_wrong<Race::kNoBarrier>>() == "sanitizer");
  CHECK(in_fixed_order<hand_on_is_wrong<Race::kNoWarpBarrier>>() == "sanitizer");
  CHECK(in_fixed_order<hand_on_is_wrong<Race::kShuffleForBarrier>>() == "sanitizer");
  CHECK(in_fixed_order<overwrite_is_wrong<Race::kReadsBeforeWait>>() == "sanitizer");
  CHECK(in_fixed_order<refill_is_wrong<Race::kNoBarrierBeforeRefill>>() == "sanitizer");
}

TEST_CASE("ThreadSanitizer finds a race between blocks") {
  if (!emulation::races::kWatched) {
    report_skip("races between blocks", "built without ThreadSanitizer");
    return;
  }
  CHECK(in_fixed_order<count_is_wrong<Race::kNoAtomic>>() == "sanitizer");
  CHECK(in_fixed_order<sum_is_wrong<Race::kNoFence>>() == "sanitizer");
}

}  // namespace qbench::test
