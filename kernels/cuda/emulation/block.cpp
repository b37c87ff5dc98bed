#include "kernels/cuda/emulation/block.h"

#include <cstring>
#include <exception>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/random.h"
#include "kernels/cuda/emulation/races.h"

namespace qbench::kernels::cuda_emulated::emulation {

constinit thread_local Lane* current_lane = nullptr;

namespace {

constexpr int kWarpSize = 32;
constexpr unsigned kAllLanes = 0xffffffffu;
constexpr std::uint32_t kTurns = 8;  // a warp gives way to another at one in so many of its collectives

const char* name_of(Operation operation) {
  switch (operation) {
    case Operation::kNone:
      return "nothing";
    case Operation::kPause:
      return "spin_pause";
    case Operation::kSyncThreads:
      return "sync_threads";
    case Operation::kSyncWarp:
      return "sync_warp";
    case Operation::kSumFloat:
      return "warp_sum(float)";
    case Operation::kSumInt:
      return "warp_sum(int)";
    case Operation::kMaxFloat:
      return "warp_max";
    case Operation::kShuffle:
      return "shuffle";
    case Operation::kShuffleXor:
      return "shuffle_xor";
    case Operation::kSums:
      return "warp_sums";
    case Operation::kButterfly:
      return "warp_butterfly";
    case Operation::kBallot:
      return "ballot";
    case Operation::kMma:
      return "mma_bf16_16x8x16";
    case Operation::kLdmatrix:
      return "ldmatrix_x4";
    case Operation::kLdmatrixTrans:
      return "ldmatrix_x4_trans";
    case Operation::kDependencyWait:
      return "grid_dependency_wait";
  }
  return "?";
}

std::string describe(Site site) {
  const char* const slash = std::strrchr(site.file_name(), '/');
  return std::string(slash != nullptr ? slash + 1 : site.file_name()) + ":" + std::to_string(site.line());
}

bool same(Site a, Site b) {
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

}  // namespace

Block::Block() = default;
Block::~Block() = default;

void Block::start(Progress& progress, Dim3 block_index, std::uint64_t seed, bool seeded) {
  progress_ = &progress;
  launch = progress.launch;
  index = block_index;
  seeded_ = seeded;
  random_state_ = mix64(seed) | 1;
  threads_ = alive_ = launch->threads;
  exited_ = barrier_arrived_ = dependency_waiting_ = paused_ = 0;
  advances_ = 0;
  dependency_waited_ = false;
  error_.clear();
  shared.start(launch->shared_bytes);
  prepare_lanes();
}

void Block::prepare_lanes() {
  const std::size_t warps = static_cast<std::size_t>(threads_ / kWarpSize);
  while (lane_storage_.size() < warps) lane_storage_.push_back(std::make_unique<Lane[]>(kWarpSize));
  if (warps_.size() < warps) warps_.resize(warps);
  running_ = nullptr;
  ready_warps_.clear();
  for (std::size_t w = warps; w-- > 0;) {
    Warp& warp = warps_[w];
    warp.lanes = lane_storage_[w].get();
    warp.alive = kWarpSize;
    warp.arrived = 0;
    for (int l = 0; l < kWarpSize; ++l) {
      Lane& lane = warp.lanes[l];
      lane.block = this;
      lane.warp = &warp;
      lane.thread = static_cast<int>(w) * kWarpSize + l;
      lane.lane = l;
      lane.finished = false;
      lane.waits_for = Operation::kNone;
      lane.copies.clear();
      lane.copy_groups = lane.barriers = lane.warp_barriers = 0;
      if (broken_ || !lane.fibre.prepared()) prepare_fibre(lane);
    }
    make_ready(warp, kAllLanes);
    ready_warps_.push_back(&warp);
  }
  if (broken_) {  // what stopped in the middle of a kernel starts anew when its warp is next needed
    for (std::size_t w = warps; w < lane_storage_.size(); ++w) {
      for (int l = 0; l < kWarpSize; ++l) prepare_fibre(lane_storage_[w][l]);
    }
  }
  broken_ = false;
}

void Block::prepare_fibre(Lane& lane) {
  // The tops of the stacks lie 512 bytes apart modulo a page: else all lanes' frames would share a few sets of the first-level cache.
  const std::size_t offset = static_cast<std::size_t>(lane.lane) % 8 * 512;
  lane.fibre.prepare([](void* p) { lane_main(*static_cast<Lane*>(p)); }, &lane, offset);
}

void Block::lane_main(Lane& self) {
  for (;;) {
    races::acquire(&self.block->progress_->begin_tag);
    races::acquire(&self.block->own_tag_);
    try {
      self.block->launch->thread();
    } catch (const std::exception& e) {
      self.block->report(self, Site::current(), std::string("threw: ") + e.what());
    }
    if (self.block->broken_) self.block->stop(self);
    races::release(&self.block->progress_->end_tag);
    races::release(&self.block->own_tag_);
    self.block->exit_lane(self);
  }
}

/// The threads that wait for this may go on; none of any warp may yet.
void Block::wake(Operation operation) {
  for (int w = threads_ / kWarpSize; w-- > 0;) {
    Warp& warp = warps_[static_cast<std::size_t>(w)];
    unsigned waiting = 0;
    for (int l = 0; l < kWarpSize; ++l) waiting |= !warp.lanes[l].finished && warp.lanes[l].waits_for == operation ? 1u << l : 0u;
    if (waiting == 0) continue;
    const unsigned others = warp.ready;
    make_ready(warp, others | waiting);
    if (others == 0) ready_warps_.push_back(&warp);
  }
}

bool Block::run() {
  if (progress_->dependency_complete && dependency_waiting_ > 0) {
    dependency_waiting_ = 0;
    wake(Operation::kDependencyWait);
  }
  if (paused_ > 0) {
    paused_ = 0;
    wake(Operation::kPause);
  }
  host_.enter();
  if (choose_warp()) {
    Lane& first = next_lane();
    current_lane = &first;
    switch_fibre(host_.context, first.fibre.context);
    current_lane = nullptr;
  }
  check_and_throw();
  return alive_ == 0;
}

void Block::check_and_throw() {
  if (error_.empty() && alive_ > 0 && dependency_waiting_ == 0 && paused_ == 0) error_ = "deadlock: " + describe_stuck();
  if (error_.empty() && alive_ == 0 && launch->programmatic && !dependency_waited_) {
    error_ = "is launched programmatically, but no thread calls grid_dependency_wait()";
  }
  if (error_.empty() && alive_ == 0) {
    const std::string damaged = shared.damage();
    if (!damaged.empty()) error_ = "wrote outside of the shared array '" + damaged + "'";
  }
  if (!error_.empty()) fail(error_);
}

void Block::fail_stuck(const char* why) { fail(why + describe_stuck()); }

void Block::fail(const std::string& what) {
  broken_ = broken_ || alive_ > 0;
  throw Error(ErrorCode::kDevice,
              "kernel '" + launch->name + "', block (" + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " +
                  std::to_string(index.z) + "): " + what,
              "cuda-emulated");
}

void Block::report(const Lane& self, Site site, const std::string& what) {
  const races::Unwatched message;
  error_ = "thread " + std::to_string(self.thread) + " at " + describe(site) + ": " + what;
  broken_ = true;
}

void Block::stop(Lane& self) {
  switch_fibre(self.fibre.context, host_.context);
  QB_CHECK(!"an abandoned thread went on");
  __builtin_unreachable();
}

std::uint32_t Block::draw() noexcept {  // xorshift64*, Vigna 2016
  random_state_ ^= random_state_ >> 12;
  random_state_ ^= random_state_ << 25;
  random_state_ ^= random_state_ >> 27;
  return static_cast<std::uint32_t>((random_state_ * 0x2545f4914f6cdd1dULL) >> 32);
}

void Block::make_ready(Warp& warp, unsigned lanes) {
  warp.ready = lanes;
  warp.order_at = 0;
  if (!seeded_) return;
  const std::uint32_t drawn = draw();
  warp.order_first = drawn % 32;
  warp.order_step = drawn / 32 % 32 | 1u;
}

/// Makes one of the warps that may go on the running one; false when there is none.
bool Block::choose_warp() {
  if (ready_warps_.empty()) return false;
  std::size_t at = ready_warps_.size() - 1;
  if (seeded_) at = static_cast<std::size_t>((std::uint64_t{draw()} * ready_warps_.size()) >> 32);
  running_ = std::exchange(ready_warps_[at], ready_warps_.back());
  ready_warps_.pop_back();
  return true;
}

/// Of the running warp, which has one.
Lane& Block::next_lane() {
  Warp& warp = *running_;
  for (;;) {
    const unsigned lane = (warp.order_first + warp.order_step * warp.order_at++) % kWarpSize;
    if ((warp.ready >> lane & 1u) == 0) continue;
    warp.ready &= ~(1u << lane);
    warp.lanes[lane].waits_for = Operation::kNone;
    return warp.lanes[lane];
  }
}

/// Leaves for the next thread that may run, or for the host when there is none.
void Block::yield(Lane& self) {
  if (running_->ready == 0 && !choose_warp()) {
    switch_fibre(self.fibre.context, host_.context);
    return;
  }
  Lane& next = next_lane();
  if (&next == &self) return;
  current_lane = &next;
  switch_fibre(self.fibre.context, next.fibre.context);
}

void Block::park(Lane& self, Operation operation, Site site) {
  self.waits_for = operation;
  self.site = site;
  yield(self);
}

void Block::exit_lane(Lane& self) {
  Warp& warp = *self.warp;
  self.finished = true;
  ++advances_;
  --alive_;
  --warp.alive;
  ++exited_;
  if (barrier_arrived_ > 0) {
    report(self, barrier_site_, "exited while thread " + std::to_string(barrier_first_) + " waits here in sync_threads: diverged barrier");
    stop(self);
  }
  if (warp.arrived > 0) {
    report(self, warp.site,
           "exited while thread " + std::to_string(warp.first_thread) + " of its warp waits here in " + name_of(warp.operation));
    stop(self);
  }
  yield(self);
}

void Block::sync_threads(Lane& self, Site site) {
  if (exited_ > 0) {
    report(self, site, "sync_threads after " + std::to_string(exited_) + " threads of the block have exited");
    stop(self);
  }
  if (barrier_arrived_ == 0) {
    barrier_site_ = site;
    barrier_first_ = self.thread;
  } else if (!same(site, barrier_site_)) {
    report(self, site,
           "diverged barrier: thread " + std::to_string(barrier_first_) + " waits in another sync_threads, at " + describe(barrier_site_));
    stop(self);
  }
  void* const tag = &barrier_tags_[self.barriers++ % 2];
  races::release(tag);
  if (++barrier_arrived_ < threads_) {
    park(self, Operation::kSyncThreads, site);
    races::acquire(tag);
    return;
  }
  barrier_arrived_ = 0;
  ++advances_;
  for (int w = threads_ / kWarpSize; w-- > 0;) {
    make_ready(warps_[static_cast<std::size_t>(w)], kAllLanes);
    ready_warps_.push_back(&warps_[static_cast<std::size_t>(w)]);
  }
  choose_warp();
  yield(self);
  races::acquire(tag);
}

bool Block::arrive(Lane& self, Operation operation, Site site) {
  Warp& warp = *self.warp;
  if (warp.alive < kWarpSize) {
    report(self, site,
           std::string(name_of(operation)) + " after " + std::to_string(kWarpSize - warp.alive) + " lanes of the warp have exited");
    stop(self);
  }
  if (warp.arrived == 0) {
    warp.operation = operation;
    warp.site = site;
    warp.first_thread = self.thread;
  } else if (warp.operation != operation || !same(site, warp.site)) {
    report(self, site,
           std::string(name_of(operation)) + ", but thread " + std::to_string(warp.first_thread) + " of its warp waits in " +
               name_of(warp.operation) + " at " + describe(warp.site));
    stop(self);
  }
  if (++warp.arrived == kWarpSize) return true;
  park(self, operation, site);
  return false;
}

void Block::finish(Lane& self) {
  Warp& warp = *self.warp;
  warp.arrived = 0;
  ++advances_;
  make_ready(warp, kAllLanes);
  if (seeded_ && !ready_warps_.empty() && draw() % kTurns == 0) {
    ready_warps_.push_back(&warp);
    choose_warp();
  }
  yield(self);
}

void Block::sync_warp(Lane& self, Site site) {
  void* const tag = &self.warp->barrier_tags[self.warp_barriers++ % 2];
  races::release(tag);
  if (arrive(self, Operation::kSyncWarp, site)) finish(self);
  races::acquire(tag);
}

void Block::wait_for_dependency(Lane& self, Site site) {
  dependency_waited_ = true;
  if (!progress_->dependency_complete) {
    ++dependency_waiting_;
    park(self, Operation::kDependencyWait, site);
  }
  races::acquire(&progress_->dependency_tag);
}

void Block::pause(Lane& self, Site site) {
  ++paused_;
  park(self, Operation::kPause, site);
}

std::string Block::describe_stuck() const {
  struct Group {
    Operation operation;
    Site site;
    int count, first;
  };
  std::vector<Group> groups;
  for (int t = 0; t < threads_; ++t) {
    const Lane& lane = warps_[static_cast<std::size_t>(t / kWarpSize)].lanes[t % kWarpSize];
    if (lane.finished) continue;
    bool known = false;
    for (Group& group : groups) {
      if (group.operation != lane.waits_for || !same(group.site, lane.site)) continue;
      ++group.count;
      known = true;
      break;
    }
    if (!known) groups.push_back({lane.waits_for, lane.site, 1, t});
  }
  std::string text;
  for (const Group& group : groups) {
    if (!text.empty()) text += "; ";
    text += std::to_string(group.count) + " threads (first " + std::to_string(group.first) + ") wait in " + name_of(group.operation) +
            " at " + describe(group.site);
  }
  return text;
}

}  // namespace qbench::kernels::cuda_emulated::emulation
