#include "kernels/cpu/thread_pool.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"

namespace qbench::kernels::cpu {
namespace {

/// Spins cover a barrier between threads that all have a processor; yields cover the sampling of a token, and a partner that other programs
/// keep off its processor, which spinning would only delay. On a Zen 4 at 2.6 GHz a pause takes 25 ns and a yield without taker 0.4 us: 1.6
/// us and 600 us. Ten times the spins made decoding with two threads three times as slow beside 20 other runnable threads (2026-11-21).
constexpr int kSpins = 64;
constexpr int kYields = 1500;

void pause_processor() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

int available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return static_cast<int>(std::thread::hardware_concurrency());
  return CPU_COUNT(&set);
}

}  // namespace

Range partition(std::int64_t count, std::int64_t granularity, int thread, int threads) {
  const std::int64_t units = (count + granularity - 1) / granularity;
  return {std::min(count, units * thread / threads * granularity), std::min(count, units * (thread + 1) / threads * granularity)};
}

void WaitCounter::advance() noexcept {
  value_.fetch_add(1, std::memory_order_seq_cst);
  // A waiter counts itself before it looks at the value for the last time; both are sequentially consistent, so one of the two sees the
  // other.
  if (sleepers_.load(std::memory_order_seq_cst) != 0) {
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&value_), FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
  }
}

void WaitCounter::wait_while(std::uint32_t old, bool spinning) noexcept {
  static_assert(sizeof(value_) == sizeof(std::uint32_t), "a futex is 32 bits");
  if (spinning) {
    for (int i = 0; i < kSpins; ++i) {
      if (value_.load(std::memory_order_acquire) != old) return;
      pause_processor();
    }
  }
  for (int i = 0; i < kYields; ++i) {
    if (value_.load(std::memory_order_acquire) != old) return;
    sched_yield();
  }
  while (value_.load(std::memory_order_acquire) == old) {
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    if (value_.load(std::memory_order_seq_cst) == old) {
      syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&value_), FUTEX_WAIT_PRIVATE, old, nullptr, nullptr, 0);
    }
    sleepers_.fetch_sub(1, std::memory_order_seq_cst);
  }
}

ThreadPool::ThreadPool(int threads) : threads_(threads), spinning_(threads <= available_processors()) {
  QB_CHECK(threads >= 1);
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int i = 1; i < threads; ++i) {
    try {
      workers_.emplace_back([this, i] { work(i); });
    } catch (const std::system_error& error) {
      stop_ = true;
      start_.advance();
      for (std::thread& worker : workers_) worker.join();
      throw Error(ErrorCode::kDevice, fmt::format("the system refused thread {} of {}: {}", i + 1, threads, error.code().message()), "cpu");
    }
  }
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  start_.advance();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_erased(Function function, void* object) {
  if (threads_ == 1) {
    function(object, 0);
    return;
  }
  function_ = function;
  object_ = object;
  start_.advance();
  function(object, 0);
  barrier();
}

void ThreadPool::work(int thread) noexcept {
  std::uint32_t seen = 0;
  for (;;) {
    start_.wait_while(seen, spinning_);
    ++seen;
    if (stop_) return;
    function_(object_, thread);
    barrier();
  }
}

void ThreadPool::barrier() noexcept {
  if (threads_ == 1) return;
  const std::uint32_t generation = generation_.load();
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
    arrived_.store(0, std::memory_order_relaxed);
    generation_.advance();
  } else {
    generation_.wait_while(generation, spinning_);
  }
}

}  // namespace qbench::kernels::cpu
