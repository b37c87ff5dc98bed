#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

#include "kernels/cuda/emulation/fibre.h"
#include "kernels/cuda/emulation/launch.h"
#include "kernels/cuda/emulation/shared_arena.h"

/// One block of a launch: its threads as fibres, its warps' collectives and its barrier. A thread runs until it waits. Between two places where
/// a warp waits its lanes run in an order drawn from the seed; the warps that may go on take turns in an order drawn from it too, one warp
/// mostly for as long as it can, because its 32 stacks then stay in the processor's cache. In fixed order lanes and warps run by number.
namespace qbench::kernels::cuda_emulated::emulation {

using Site = std::source_location;

enum class Operation : std::uint8_t {
  kNone, kPause, kSyncThreads, kSyncWarp, kSumFloat, kSumInt, kMaxFloat, kShuffle, kShuffleXor, kSums, kButterfly, kBallot, kMma, kLdmatrix, kLdmatrixTrans, kDependencyWait
};

class Block;
struct Warp;

/// A copy that cp.async has started and nobody has waited for; group: how many commits came before.
struct AsyncCopy {
  void* to;
  const void* from;
  unsigned group;
};

struct Lane {
  Fibre fibre;
  Block* block = nullptr;
  Warp* warp = nullptr;
  int thread = 0;
  int lane = 0;
  bool finished = false;
  Operation waits_for = Operation::kNone;
  Site site;
  std::vector<AsyncCopy> copies;
  unsigned copy_groups = 0;  ///< committed so far
  unsigned barriers = 0, warp_barriers = 0;  ///< passed so far: which of the two tags of races.h is next
};

/// Operands lie in `in`, one entry a lane; the last lane to arrive writes `out`. A lane has read its entry of `out` before it arrives at the next
/// collective, so that the next last lane may overwrite it.
struct Warp {
  Lane* lanes = nullptr;  // (32)
  unsigned ready = 0;     ///< bit of each lane that may go on
  unsigned order_first = 0, order_step = 1, order_at = 0;  ///< the i-th lane to go on is (first + i step) mod 32
  int alive = 0;
  int arrived = 0;
  Operation operation = Operation::kNone;
  Site site;
  int first_thread = 0;  ///< who set operation and site
  char barrier_tags[2];  ///< for races.h

  union Values {
    float f[32];
    int i[32];
    unsigned fragment[32][4];
  };
  Values in, out;
  float sums[8][32];                   ///< several numbers of each lane
  std::array<std::uint64_t, 32> sent;  ///< shuffles, butterflies and votes
  std::array<std::uint64_t, 32> received;
  std::array<int, 32> source;
  std::array<const void*, 32> row;  ///< ldmatrix
  unsigned b[32][2];                ///< mma
  float c[32][4];                   ///< mma: accumulators in, result out
};

/// What a launch is while its blocks run.
struct Progress {
  const LaunchRecord* launch = nullptr;
  bool dependency_complete = true;  ///< what came before in the stream has run
  char begin_tag = 0, dependency_tag = 0, end_tag = 0;  ///< for races.h
};

class Block {
 public:
  Block();
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// Prepares block (x, y, z); nothing runs yet.
  void start(Progress& progress, Dim3 index, std::uint64_t seed, bool seeded);
  /// Runs until every thread has exited (true), or none may go on before what came before has run or before other blocks have had a turn (false).
  /// Throws Error{kDevice} on a bug.
  bool run();
  bool finished() const noexcept { return alive_ == 0; }
  bool paused() const noexcept { return paused_ > 0; }  ///< a thread asked for other blocks' turn
  /// How often threads have passed a place where they wait for each other, or ended: while no block's grows, none gets on.
  std::uint64_t advances() const noexcept { return advances_; }
  /// Error{kDevice}: no block of the launch gets on.
  [[noreturn]] void fail_stuck(const char* why);
  /// Forgets threads that stand in the middle of a kernel; the next start() builds them anew.
  void abandon() noexcept { broken_ = broken_ || alive_ > 0; }

  // Called by the block's own threads.
  void sync_threads(Lane& self, Site site);
  /// True for the last lane of the warp, which computes and then calls finish(); the others return false when that has happened.
  bool arrive(Lane& self, Operation operation, Site site);
  void finish(Lane& self);
  void sync_warp(Lane& self, Site site);
  void wait_for_dependency(Lane& self, Site site);
  void pause(Lane& self, Site site);  ///< lets the block's other threads and then other blocks run
  /// What is wrong, then the end of the block: two calls, so that no string is alive on the stack that is left behind.
  void report(const Lane& self, Site site, const std::string& what);
  [[noreturn]] void stop(Lane& self);
  std::uint32_t draw() noexcept;  ///< 32 random bits
  bool seeded() const noexcept { return seeded_; }

  Dim3 index;
  const LaunchRecord* launch = nullptr;
  SharedArena shared;

 private:
  static void lane_main(Lane& self);
  void prepare_lanes();
  static void prepare_fibre(Lane& lane);
  void exit_lane(Lane& self);
  void make_ready(Warp& warp, unsigned lanes);
  bool choose_warp();
  Lane& next_lane();
  void park(Lane& self, Operation operation, Site site);
  void yield(Lane& self);
  void wake(Operation operation);
  [[noreturn]] void fail(const std::string& what);
  std::string describe_stuck() const;
  void check_and_throw();

  std::vector<std::unique_ptr<Lane[]>> lane_storage_;  // warps of 32
  std::vector<Warp> warps_;
  Warp* running_ = nullptr;            ///< whose lanes go on now
  std::vector<Warp*> ready_warps_;     ///< others with lanes that may; in fixed order the last one is next
  FibreHost host_;
  Progress* progress_ = nullptr;
  int threads_ = 0, alive_ = 0, exited_ = 0;
  int barrier_arrived_ = 0, barrier_first_ = 0;
  Site barrier_site_;
  char barrier_tags_[2] = {};  ///< for races.h
  char own_tag_ = 0;           ///< the same: one block after another uses this memory
  int dependency_waiting_ = 0, paused_ = 0;
  std::uint64_t advances_ = 0;
  bool dependency_waited_ = false;
  bool broken_ = false;
  bool seeded_ = true;
  std::uint64_t random_state_ = 1;
  std::string error_;
};

/// The thread that runs now on this OS thread. A block never changes its OS thread.
extern constinit thread_local Lane* current_lane;

}  // namespace qbench::kernels::cuda_emulated::emulation
