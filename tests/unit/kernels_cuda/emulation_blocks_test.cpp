#include <numeric>

#include "emulation_support.h"

/// Kernels whose blocks wait for each other.
namespace qbench::kernels::cuda_emulated {
namespace {

QB_DEVICE void sync_grid(unsigned* arrived, unsigned round) {
  thread_fence();
  sync_threads();
  if (thread_x() == 0) {
    atomic_add(arrived, 1);
    while (load_acquire(arrived) < round * static_cast<unsigned>(grid_x())) spin_pause();
  }
  sync_threads();
  thread_fence();
}

/// `rounds` times: each block replaces its number by the sum of its neighbours' in a ring.
QB_KERNEL relax(unsigned* a, unsigned* b, unsigned rounds, unsigned* arrived) {
  const int blocks = grid_x();
  for (unsigned round = 1; round <= rounds; ++round) {
    if (thread_x() == 0) b[block_x()] = a[(block_x() + 1) % blocks] + a[(block_x() + blocks - 1) % blocks];
    sync_grid(arrived, round);
    unsigned* const swap = a;
    a = b;
    b = swap;
  }
}

/// Waits for one block more than there are.
QB_KERNEL wait_for_nobody(unsigned* arrived) {
  atomic_add(arrived, 1);
  while (load_acquire(arrived) < static_cast<unsigned>(grid_x() * threads() + 1)) spin_pause();
}

}  // namespace
}  // namespace qbench::kernels::cuda_emulated

namespace qbench::test {
using namespace kernels::cuda_emulated;

namespace {

std::vector<unsigned> relaxed(unsigned blocks, unsigned rounds, bool cooperative) {
  Stream stream;
  std::vector<unsigned> numbers(blocks);
  std::iota(numbers.begin(), numbers.end(), 1u);
  const DeviceMemory a = to_device(numbers, stream), b(a.bytes());
  const DeviceMemory arrived = to_device(std::vector<unsigned>{0}, stream);
  launch(LaunchConfig{{blocks, 1, 1}, 64, 0, stream, false, "relax", cooperative}, relax, a.as<unsigned>(), b.as<unsigned>(), rounds,
         arrived.as<unsigned>());
  return to_host<unsigned>(rounds % 2 == 0 ? a : b, stream);
}

std::vector<unsigned> expected(unsigned blocks, unsigned rounds) {
  std::vector<unsigned> now(blocks), next(blocks);
  std::iota(now.begin(), now.end(), 1u);
  for (unsigned round = 0; round < rounds; ++round) {
    for (unsigned i = 0; i < blocks; ++i) next[i] = now[(i + 1) % blocks] + now[(i + blocks - 1) % blocks];
    now.swap(next);
  }
  return now;
}

}  // namespace

TEST_CASE("the blocks of a cooperative launch are all alive and may wait for each other") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const EmulationScope scope(seed);
    CHECK(relaxed(7, 5, true) == expected(7, 5));
  }
  const EmulationScope fixed(0, EmulationOrder::kFixed);
  CHECK(relaxed(7, 4, true) == expected(7, 4));
}

TEST_CASE("blocks that wait for each other in an ordinary launch are diagnosed") {
  const std::string error = error_of([] { relaxed(7, 5, false); });
  CHECK(contains(error, "kernel 'relax', block ("));
  CHECK(contains(error, "waits for other blocks, which need not run at the same time (not launched cooperatively): "));
  CHECK(contains(error, "wait in spin_pause at emulation_blocks_test.cpp:"));
  CHECK(relaxed(7, 5, true) == expected(7, 5));  // what was abandoned does not disturb
}

TEST_CASE("blocks that wait for ever are diagnosed") {
  Stream stream;
  const DeviceMemory arrived = to_device(std::vector<unsigned>{0}, stream);
  const std::string error = error_of([&] {
    launch(LaunchConfig{{3, 1, 1}, 32, 0, stream, false, "wait_for_nobody", true}, wait_for_nobody, arrived.as<unsigned>());
    stream.synchronize();
  });
  CHECK(contains(error, "its blocks wait for each other for ever: 32 threads (first 0) wait in spin_pause"));
}

TEST_CASE("a cooperative launch of more blocks than run at the same time is refused") {
  CHECK(contains(error_of([] { relaxed(129, 1, true); }), "kernel 'relax': a cooperative launch of 129 blocks; 128 run at the same time"));
}

}  // namespace qbench::test
