#include "kernels/cuda/emulation/machine.h"

#include <unistd.h>

#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "kernels/cuda/emulation/races.h"

namespace qbench::kernels::cuda_emulated {
namespace emulation {

Machine& machine() {
  static Machine* const the_machine = new Machine;  // never destroyed: objects of the device may outlive main
  return *the_machine;
}

std::uint64_t Machine::memory_bytes() const {
  if (settings.memory_bytes != 0) return settings.memory_bytes;
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::unique_ptr<Block> Machine::take_block() {
  if (idle_blocks_.empty()) return std::make_unique<Block>();
  std::unique_ptr<Block> block = std::move(idle_blocks_.back());
  idle_blocks_.pop_back();
  return block;
}

void Machine::give_back(std::unique_ptr<Block> block) { idle_blocks_.push_back(std::move(block)); }

void Machine::check_memory(const std::string& what, bool whole) {
  const std::string damage = heap.damage(whole);
  if (!damage.empty()) throw Error(ErrorCode::kDevice, damage + "; last: " + what, "cuda-emulated");
}

GridRun::GridRun(std::shared_ptr<const LaunchRecord> record, std::uint64_t seed)
    : record_(std::move(record)), seed_(seed), seeded_(machine().settings.order == EmulationOrder::kSeeded) {
  progress_.launch = record_.get();
  const Dim3 grid = record_->grid;
  order_.resize(std::size_t{grid.x} * grid.y * grid.z);
  std::iota(order_.begin(), order_.end(), 0u);
  if (!seeded_) return;
  Random random(seed);
  for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random.next_below(i)]);
}

GridRun::~GridRun() {
  for (auto& block : blocks_) {
    // Of threads that stand in the middle of a kernel nothing is ordered before the end of what they read.
    if (races::kWatched && !block->finished()) [[maybe_unused]] auto* const kept = new std::shared_ptr<const LaunchRecord>(record_);
    block->abandon();
  }
  for (auto& block : blocks_) machine().give_back(std::move(block));
}

void GridRun::start_next(Block& block) {
  const std::uint32_t number = order_[started_++];
  const Dim3 grid = record_->grid;
  block.start(progress_, {number % grid.x, number / grid.x % grid.y, number / grid.x / grid.y}, seed_ + started_, seeded_);
}

void GridRun::start_early() {
  constexpr std::size_t kEarlyBlocks = 2;
  progress_.dependency_complete = false;
  races::release(&progress_.begin_tag);
  while (started_ < order_.size() && blocks_.size() < kEarlyBlocks) {
    blocks_.push_back(machine().take_block());
    start_next(*blocks_.back());
    blocks_.back()->run();
  }
}

/// Blocks that wait for each other: all of them exist at once and take turns whenever none of a block's threads may go on.
void GridRun::run_together() {
  constexpr int kMostIdleRounds = 1000;
  while (started_ < order_.size()) {
    blocks_.push_back(machine().take_block());
    start_next(*blocks_.back());
  }
  std::uint64_t before = 0;
  for (int idle_rounds = 0;; ++idle_rounds) {
    std::uint64_t advances = 0;
    Block* open = nullptr;
    for (auto& block : blocks_) {
      if (!block->finished() && !block->run()) open = block.get();
      advances += block->advances();
    }
    if (open == nullptr) return;
    if (advances != before) idle_rounds = 0;
    before = advances;
    if (idle_rounds == kMostIdleRounds) open->fail_stuck("its blocks wait for each other for ever: ");
  }
}

void GridRun::finish() {
  // One block after another, in the same fibres; where races are watched in three sets, since a fibre's own accesses are never a race.
  constexpr std::size_t kSets = races::kWatched ? 3 : 1;
  progress_.dependency_complete = true;
  races::release(&progress_.begin_tag);
  races::release(&progress_.dependency_tag);
  if (record_->cooperative) {
    run_together();
  } else {
    const auto complete = [](Block& block) {
      if (!block.finished() && !block.run()) block.fail_stuck("waits for other blocks, which need not run at the same time (not launched cooperatively): ");
    };
    for (auto& block : blocks_) complete(*block);
    while (blocks_.size() < kSets && started_ < order_.size()) {
      blocks_.push_back(machine().take_block());
      start_next(*blocks_.back());
      complete(*blocks_.back());
    }
    for (std::size_t set = 0; started_ < order_.size(); set = (set + 1) % kSets) {
      start_next(*blocks_[set]);
      complete(*blocks_[set]);
    }
  }
  races::acquire(&progress_.end_tag);
  machine().check_memory("kernel '" + record_->name + "'", false);
}

}  // namespace emulation

EmulationSettings emulation_settings() { return emulation::machine().settings; }

void set_emulation(const EmulationSettings& settings) {
  emulation::Machine& m = emulation::machine();
  const std::lock_guard lock(m.mutex);
  m.drain();
  m.settings = settings;
  m.restart_seeds();
}

void fail_allocation(std::int64_t n) {
  const std::lock_guard lock(emulation::machine().mutex);
  emulation::machine().heap.fail_allocation(n);
}

void lose_device(std::int64_t n) {
  const std::lock_guard lock(emulation::machine().mutex);
  emulation::machine().lose_device(n);
}

std::int64_t operation_count() { return emulation::machine().operation_count(); }
std::int64_t allocation_count() { return emulation::machine().heap.allocation_count(); }
std::uint64_t allocated_bytes() { return emulation::machine().heap.allocated_bytes(); }

}  // namespace qbench::kernels::cuda_emulated
