#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <numeric>

#include "emulation_support.h"

/// Kernels with a planted bug beside the right ones: the right one passes in every order, the wrong one must be found.
namespace qbench::kernels::cuda_emulated {
namespace {

enum class Bug {
  kNone,
  kNoBarrier,
  kNoWarpBarrier,
  kUnwrittenShared,
  kWrongLane,
  kNoCopyWait,
  kNoBarrierBeforeRefill,
  kNoDependencyWait,
  kReadsBeforeWait,
  kPastTheEnd,
  kFarPastTheEnd,
  kBeforeTheBegin,
  kPastShared,
  kTwoBarriers,
  kSomeAtBarrier,
  kSomeAtShuffle,
  kBarrierAndShuffle,
  kMixedCollectives,
  kMisaligned
};

constexpr int kThreads = 128;

/// out[t] = in[t] + in[t + 1 mod 128] + 31, through shared memory, a warp's own exchange and a shuffle: every thread reads what others
/// wrote.
template <Bug B>
QB_KERNEL exchange(const float* in, float* out) {
  QB_SHARED(float, held, kThreads);
  QB_SHARED(float, of_warp, kThreads);
  const int t = thread_x();
  if (B != Bug::kUnwrittenShared || t != 77) held[t] = in[t];
  if constexpr (B == Bug::kTwoBarriers) {
    if (warp() == 1) {
      sync_threads();
    } else {
      sync_threads();
    }
  } else if constexpr (B == Bug::kSomeAtBarrier) {
    if (warp() == 2) return;
    sync_threads();
  } else if constexpr (B != Bug::kNoBarrier) {
    sync_threads();
  }
  const float sum = held[t] + held[(t + 1) % kThreads];
  of_warp[t] = static_cast<float>(lane());
  if constexpr (B != Bug::kNoWarpBarrier) sync_warp();
  const float last = of_warp[t / 32 * 32 + 31];  // 31
  float mine = last;
  if constexpr (B == Bug::kSomeAtShuffle) {
    if (lane() < 16) mine = shuffle(last, 0);
    sync_threads();
  } else if constexpr (B == Bug::kBarrierAndShuffle) {
    if (lane() == 3) {
      sync_threads();
    } else {
      mine = shuffle(last, 0);
    }
  } else if constexpr (B == Bug::kMixedCollectives) {
    mine = lane() == 9 ? warp_max(last) : shuffle(last, 0);
  } else {
    mine = shuffle(lane() == 4 ? last : 0.0f, B == Bug::kWrongLane ? 5 : 4) + last - 31;
  }
  if constexpr (B == Bug::kFarPastTheEnd) {
    out[block_x() * kThreads + t + 64] = sum + mine;
  } else if constexpr (B == Bug::kBeforeTheBegin) {
    out[block_x() * kThreads + t - 1] = sum + mine;
  } else {
    out[block_x() * kThreads + t] = sum + mine;
  }
  if constexpr (B == Bug::kPastShared) held[t + 1] = sum;
}

/// out[t] = sum over the stages s of in[s][(t + 1) mod 128], two stages in flight.
template <Bug B>
QB_KERNEL pipeline(const float* in, int stages, float* out) {
  QB_SHARED(float, ring, 2 * kThreads);
  const auto fetch = [&](int stage) {
    if (stage < stages && thread_x() < kThreads / 4) {
      cp_async16(&ring[stage % 2 * kThreads + thread_x() * 4], &in[stage * kThreads + thread_x() * 4]);
    }
    cp_async_commit();
  };
  fetch(0);
  float sum = 0;
  for (int stage = 0; stage < stages; ++stage) {
    fetch(stage + 1);
    if constexpr (B != Bug::kNoCopyWait) cp_async_wait<1>();
    sync_threads();
    sum += ring[stage % 2 * kThreads + (thread_x() + 1) % kThreads];
    if constexpr (B != Bug::kNoBarrierBeforeRefill) sync_threads();
  }
  out[thread_x()] = sum;
}

QB_KERNEL add_one(float* x) {
  grid_dependency_wait();
  x[block_x() * threads() + thread_x()] += 1;
}

template <Bug B>
QB_KERNEL double_it(const float* x, float* y) {
  const int i = block_x() * threads() + thread_x();
  float value = 0;
  if constexpr (B == Bug::kReadsBeforeWait) value = x[i];
  if constexpr (B != Bug::kNoDependencyWait) grid_dependency_wait();
  if constexpr (B != Bug::kReadsBeforeWait) value = x[i];
  y[i] = 2 * value;
}

QB_KERNEL wide_load(const unsigned* in, int offset, unsigned* out) { out[thread_x()] = load_weights128(in + offset).x; }

}  // namespace
}  // namespace qbench::kernels::cuda_emulated

/// Planted bugs that are found in another way are races, too.
extern "C" const char* __tsan_default_suppressions() { return "race:emulation_mutants_test.cpp\n"; }

namespace qbench::test {
using namespace kernels::cuda_emulated;

namespace {

constexpr int kSeeds = 16;

template <Bug B>
bool exchange_is_wrong() {
  Stream stream;
  std::vector<float> x(kThreads);
  std::iota(x.begin(), x.end(), 1.0f);
  const DeviceMemory in = to_device(x, stream), out((2 * kThreads - (B == Bug::kPastTheEnd ? 1 : 0)) * sizeof(float));
  launch(LaunchConfig{{2, 1, 1}, kThreads, 0, stream, false, "exchange"}, exchange<B>, in.as<float>(), out.as<float>());
  const auto result = to_host<float>(out, stream);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::size_t t = i % kThreads;
    if (!(result[i] == x[t] + x[(t + 1) % kThreads] + 31)) return true;
  }
  return false;
}

template <Bug B>
bool pipeline_is_wrong() {
  constexpr std::size_t kStages = 5;
  Stream stream;
  std::vector<float> x(kStages * kThreads);
  std::iota(x.begin(), x.end(), 1.0f);
  const DeviceMemory in = to_device(x, stream), out(kThreads * sizeof(float));
  launch(LaunchConfig{{1, 1, 1}, kThreads, 0, stream, false, "pipeline"}, pipeline<B>, in.as<float>(), static_cast<int>(kStages),
         out.as<float>());
  const auto result = to_host<float>(out, stream);
  for (std::size_t t = 0; t < kThreads; ++t) {
    float sum = 0;
    for (std::size_t s = 0; s < kStages; ++s) sum += x[s * kThreads + (t + 1) % kThreads];
    if (!(result[t] == sum)) return true;
  }
  return false;
}

template <Bug B>
bool dependent_is_wrong() {
  Stream stream;
  std::vector<float> x(8 * 64, 5.0f);
  const DeviceMemory in = to_device(x, stream), out(x.size() * sizeof(float));
  launch(LaunchConfig{{8, 1, 1}, 64, 0, stream, true, "add_one"}, add_one, in.as<float>());
  launch(LaunchConfig{{8, 1, 1}, 64, 0, stream, true, "double_it"}, double_it<B>, in.as<float>(), out.as<float>());
  return to_host<float>(out, stream) != std::vector<float>(x.size(), 12.0f);
}

template <Bug B>
std::string exchange_error() {
  const EmulationScope scope(3);
  return error_of([] { exchange_is_wrong<B>(); });
}

/// Runs `work` in a child: "fine" when it returns false, else how it ended.
std::string in_child(bool (*work)()) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    std::freopen("/dev/null", "w", stderr);
    std::freopen("/dev/null", "w", stdout);
    std::signal(SIGSEGV, SIG_DFL);  // doctest's handler would run the parent's report
    std::signal(SIGABRT, SIG_DFL);
    try {
      _exit(work() ? 3 : 0);
    } catch (const Error&) {
      _exit(4);
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return "signal";
  switch (WEXITSTATUS(status)) {
    case 0:
      return "fine";
    case 3:
      return "wrong result";
    case 4:
      return "error";
    default:
      return "sanitizer";
  }
}

}  // namespace

TEST_CASE("kernels without a bug pass in every order") {
  CHECK(seeds_that_find(kSeeds, exchange_is_wrong<Bug::kNone>) == 0);
  CHECK(seeds_that_find(kSeeds, pipeline_is_wrong<Bug::kNone>) == 0);
  CHECK(seeds_that_find(kSeeds, dependent_is_wrong<Bug::kNone>) == 0);
  const EmulationScope fixed(0, EmulationOrder::kFixed, false);
  CHECK_FALSE(exchange_is_wrong<Bug::kNone>());
  CHECK_FALSE(pipeline_is_wrong<Bug::kNone>());
  CHECK_FALSE(dependent_is_wrong<Bug::kNone>());
}

TEST_CASE("a missing sync_threads is found") { CHECK(seeds_that_find(kSeeds, exchange_is_wrong<Bug::kNoBarrier>) == kSeeds); }

TEST_CASE("a missing sync_warp is found") { CHECK(seeds_that_find(kSeeds, exchange_is_wrong<Bug::kNoWarpBarrier>) == kSeeds); }

TEST_CASE("a read of unwritten shared memory is found") {
  CHECK(seeds_that_find(kSeeds, exchange_is_wrong<Bug::kUnwrittenShared>) == kSeeds);
}

TEST_CASE("a wrong lane is found") { CHECK(seeds_that_find(kSeeds, exchange_is_wrong<Bug::kWrongLane>) == kSeeds); }

TEST_CASE("a missing wait for cp.async is found") { CHECK(seeds_that_find(kSeeds, pipeline_is_wrong<Bug::kNoCopyWait>) == kSeeds); }

TEST_CASE("a missing barrier before a stage is filled again is found") {
  CHECK(seeds_that_find(kSeeds, pipeline_is_wrong<Bug::kNoBarrierBeforeRefill>) >= kSeeds / 2);
}

TEST_CASE("a missing grid-dependency wait, and a read before it, are found") {
  CHECK(seeds_that_find(kSeeds, dependent_is_wrong<Bug::kNoDependencyWait>) == kSeeds);
  CHECK(seeds_that_find(kSeeds, dependent_is_wrong<Bug::kReadsBeforeWait>) == kSeeds);
  const EmulationScope scope(1);
  CHECK(contains(error_of([] { dependent_is_wrong<Bug::kNoDependencyWait>(); }),
                 ": is launched programmatically, but no thread calls grid_dependency_wait()"));
}

TEST_CASE("a write past the end of an allocation or of a shared array is found") {
  CHECK(in_child(exchange_is_wrong<Bug::kNone>) == "fine");
#ifdef __SANITIZE_ADDRESS__
  for (const auto bug :
       {exchange_is_wrong<Bug::kPastTheEnd>, exchange_is_wrong<Bug::kBeforeTheBegin>, exchange_is_wrong<Bug::kPastShared>}) {
    CHECK(in_child(bug) == "sanitizer");
  }
#else
  CHECK(contains(exchange_error<Bug::kPastTheEnd>(), "something wrote next to an allocation of 1020 bytes; last: kernel 'exchange'"));
  CHECK(contains(exchange_error<Bug::kBeforeTheBegin>(), "something wrote next to an allocation of 1024 bytes"));
  CHECK(contains(exchange_error<Bug::kPastShared>(), "wrote outside of the shared array 'held'"));
  CHECK(in_child(exchange_is_wrong<Bug::kFarPastTheEnd>) == "signal");
#endif
}

TEST_CASE("a diverged barrier is diagnosed with both places") {
  const std::string two = exchange_error<Bug::kTwoBarriers>();
  CHECK(contains(two, "kernel 'exchange', block ("));
  CHECK(contains(two, "diverged barrier"));
  CHECK(contains(two, "emulation_mutants_test.cpp:"));
  const std::string some = exchange_error<Bug::kSomeAtBarrier>();
  CHECK((contains(some, "diverged barrier") || contains(some, "sync_threads after")));
}

TEST_CASE("a deadlock and collectives that do not agree are diagnosed") {
  CHECK(contains(exchange_error<Bug::kSomeAtShuffle>(), "deadlock: "));
  CHECK(contains(exchange_error<Bug::kSomeAtShuffle>(), "64 threads"));
  const std::string barrier = exchange_error<Bug::kBarrierAndShuffle>();
  CHECK(contains(barrier, "deadlock: "));
  CHECK(contains(barrier, "124 threads"));
  CHECK(contains(exchange_error<Bug::kMixedCollectives>(), "of its warp waits in "));
}

TEST_CASE("a 128-bit load at an address that is not a multiple of 16 is refused") {
  Stream stream;
  const DeviceMemory in = to_device(std::vector<unsigned>(64, 3u), stream), out(128);
  launch(LaunchConfig{{1, 1, 1}, 32, 0, stream, false, "wide_load"}, wide_load, in.as<unsigned>(), 4, out.as<unsigned>());
  CHECK(to_host<unsigned>(out, stream)[0] == 3);
  launch(LaunchConfig{{1, 1, 1}, 32, 0, stream, false, "wide_load"}, wide_load, in.as<unsigned>(), 2, out.as<unsigned>());
  CHECK(contains(error_of([&] { stream.synchronize(); }), "an access of 16 bytes at an address that is not a multiple of it"));
}

TEST_CASE("after a kernel with a bug the next one runs") {
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(exchange_error<Bug::kTwoBarriers>().empty());
    CHECK_FALSE(exchange_error<Bug::kSomeAtShuffle>().empty());
    CHECK_FALSE(exchange_is_wrong<Bug::kNone>());
  }
}

}  // namespace qbench::test
