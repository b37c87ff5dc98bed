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

/// How often a wait looks before it sleeps in the kernel: 50 us on a Zen 4 at 2.6 GHz, where a pause takes 25 ns, which covers the waits inside
/// a step. Decoding the demo model with two threads on two processors (2026-11-21, medians of 3 to 4): as fast as with ten times as many and as
/// with yields in between while nobody else runs (270 tokens/s); beside two busy programs 113, against 68 to 77 with those.
constexpr int kSpins = 2000;

/// Which thread of its pool this one is: a pool's caller is 0, and its workers belong to no other pool.
thread_local int thread_in_pool = 0;

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
  while (value_.load(std::memory_order_acquire) == old) {
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    if (value_.load(std::memory_order_seq_cst) == old) {
      syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&value_), FUTEX_WAIT_PRIVATE, old, nullptr, nullptr, 0);
    }
    sleepers_.fetch_sub(1, std::memory_order_seq_cst);
  }
}

ThreadPool::ThreadPool(int threads)
    : threads_(threads), spinning_(threads <= available_processors()), processors_(std::make_unique<std::atomic<int>[]>(static_cast<std::size_t>(threads))) {
  QB_CHECK(threads >= 1);
  for (int i = 0; i < threads; ++i) processors_[static_cast<std::size_t>(i)] = -1;
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

/// The scheduler may put two threads of the pool on one processor while another program has the next: then spinning keeps the very thread from
/// running that is waited for: beside one busy program the demo model decoded 37 tokens/s where it now does 85 (2026-11-21, medians of 4).
bool ThreadPool::alone_on_processor() noexcept {
  const int here = sched_getcpu();
  processors_[static_cast<std::size_t>(thread_in_pool)].store(here, std::memory_order_relaxed);
  for (int i = 0; i < threads_; ++i) {
    if (i != thread_in_pool && processors_[static_cast<std::size_t>(i)].load(std::memory_order_relaxed) == here) return false;
  }
  return true;
}

void ThreadPool::work(int thread) noexcept {
  thread_in_pool = thread;
  std::uint32_t seen = 0;
  for (;;) {
    start_.wait_while(seen, spinning_ && alone_on_processor());
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
    generation_.wait_while(generation, spinning_ && alone_on_processor());
  }
}

}  // namespace qbench::kernels::cpu
