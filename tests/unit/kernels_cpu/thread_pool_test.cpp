#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "kernels/cpu/thread_pool.h"

namespace qbench::kernels::cpu {
namespace {

TEST_CASE("partition covers every index once, in whole multiples of the granularity, as evenly as they allow") {
  for (const std::int64_t count : {0, 1, 5, 16, 17, 576, 1000}) {
    for (const std::int64_t granularity : {1, 4, 16, 48}) {
      for (const int threads : {1, 2, 3, 7, 64}) {
        std::int64_t next = 0;
        std::int64_t largest = 0;
        for (int t = 0; t < threads; ++t) {
          const Range range = partition(count, granularity, t, threads);
          CHECK(range.begin == next);
          CHECK(range.end >= range.begin);
          if (range.size() > 0) CHECK(range.begin % granularity == 0);
          largest = std::max(largest, range.size());
          next = range.end;
        }
        CHECK(next == count);
        const std::int64_t units = (count + granularity - 1) / granularity;
        CHECK(largest <= (units + threads - 1) / threads * granularity);
      }
    }
  }
}

TEST_CASE("every thread runs the body once per call and all are done when run returns") {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    std::vector<std::int64_t> calls(static_cast<std::size_t>(threads) * 16, 0);  // 128 bytes apart; plain: the pool must order the accesses
    for (int i = 0; i < 500; ++i) {
      pool.run([&](int thread) { ++calls[static_cast<std::size_t>(thread) * 16]; });
      for (int t = 0; t < threads; ++t) CHECK(calls[static_cast<std::size_t>(t) * 16] == i + 1);
    }
  }
}

TEST_CASE("a barrier shows every thread what the others wrote before it") {
  for (const int threads : {2, 3, 8}) {
    ThreadPool pool(threads);
    std::vector<int> written(static_cast<std::size_t>(threads), 0);
    std::atomic<int> wrong{0};
    for (int round = 1; round <= 100; ++round) {
      pool.run([&](int thread) {
        for (int phase = 0; phase < 3; ++phase) {
          const int value = round * 10 + phase;
          written[static_cast<std::size_t>(thread)] = value;
          pool.barrier();
          for (const int seen : written) wrong += seen != value;
          pool.barrier();
        }
      });
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("threads that went to sleep wake for the next body") {
  ThreadPool pool(3);
  std::atomic<int> calls{0};
  for (int i = 0; i < 4; ++i) {
    pool.run([&](int) { ++calls; });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // longer than spinning lasts
  }
  CHECK(calls == 12);
}

TEST_CASE("a slow thread makes the others sleep at the barrier, not pass it") {
  ThreadPool pool(4);
  std::atomic<int> before{0};
  std::atomic<int> wrong{0};
  pool.run([&](int thread) {
    if (thread == 2) std::this_thread::sleep_for(std::chrono::milliseconds(30));
    ++before;
    pool.barrier();
    wrong += before != 4;
  });
  CHECK(wrong == 0);
}

TEST_CASE("a pool that never ran, or ran once, ends") {
  for (int i = 0; i < 50; ++i) {
    ThreadPool idle(4);
    ThreadPool used(3);
    std::atomic<int> calls{0};
    used.run([&](int) { ++calls; });
    CHECK(calls == 3);
  }
}

TEST_CASE("many more threads than processors still finish") {
  ThreadPool pool(64);
  std::vector<std::int64_t> sums(64, 0);
  for (int i = 0; i < 5; ++i) {
    pool.run([&](int thread) {
      ++sums[static_cast<std::size_t>(thread)];
      pool.barrier();
      ++sums[static_cast<std::size_t>(63 - thread)];
    });
  }
  CHECK(std::accumulate(sums.begin(), sums.end(), std::int64_t{0}) == 5 * 128);
}

}  // namespace
}  // namespace qbench::kernels::cpu
