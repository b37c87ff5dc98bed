#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace qbench::kernels::cpu {

/// Half-open range of indices.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
};

/// The part of [0, count) that `thread` of `threads` does: contiguous, as even as whole multiples of `granularity` allow.
Range partition(std::int64_t count, std::int64_t granularity, int thread, int threads);

/// A counter that threads wait on: they spin for some tens of microseconds, then sleep in the kernel, so that waiting costs little when a
/// free core is there and harms nobody when none is.
class WaitCounter {
 public:
  std::uint32_t load() const noexcept { return value_.load(std::memory_order_acquire); }
  /// Adds one and wakes whoever sleeps.
  void advance() noexcept;
  /// Returns once the value differs from `old`. `spinning` false: sleeps at once.
  void wait_while(std::uint32_t old, bool spinning) noexcept;

 private:
  alignas(64) std::atomic<std::uint32_t> value_{0};
  std::atomic<std::uint32_t> sleepers_{0};
};

/// A fixed number of threads, the caller's among them, that run the same body together. Work is divided by thread number, so what a thread
/// does is known in advance; results do not depend on the number of threads as long as every output is computed whole by one of them.
class ThreadPool {
 public:
  /// Error{kDevice} when the system refuses a thread.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const noexcept { return threads_; }

  /// body(thread) on every thread, 0 being the caller; returns when all are done. The body must not throw or call run.
  template <class Body>
  void run(Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run_erased([](void* object, int thread) { (*static_cast<Plain*>(object))(thread); },
               const_cast<void*>(static_cast<const void*>(&body)));
  }

  /// Inside a body: returns once all threads have called it; what they wrote before is seen after.
  void barrier() noexcept;

 private:
  using Function = void (*)(void* object, int thread);
  void run_erased(Function function, void* object);
  void work(int thread) noexcept;

  bool alone_on_processor() noexcept;

  int threads_;
  bool spinning_;  ///< there is a processor for every thread
  std::unique_ptr<std::atomic<int>[]> processors_;  ///< (threads) where each thread was when it last waited
  Function function_ = nullptr;
  void* object_ = nullptr;
  bool stop_ = false;
  WaitCounter start_;       ///< advances when a body is ready
  WaitCounter generation_;  ///< advances when a barrier opens
  alignas(64) std::atomic<int> arrived_{0};
  std::vector<std::thread> workers_;
};

}  // namespace qbench::kernels::cpu
