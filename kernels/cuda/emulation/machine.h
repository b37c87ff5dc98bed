#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kernels/cuda/emulation/block.h"
#include "kernels/cuda/emulation/control.h"
#include "kernels/cuda/emulation/launch.h"
#include "kernels/cuda/emulation/memory.h"

/// The emulated device of this process: its memory, the fibres that blocks run on, its settings.
namespace qbench::kernels::cuda_emulated::emulation {

/// The blocks of one launch: some may start before what precedes the launch has run.
class GridRun {
 public:
  GridRun(std::shared_ptr<const LaunchRecord> record, std::uint64_t seed);
  ~GridRun();
  GridRun(GridRun&&) = delete;
  void start_early();  ///< up to two blocks, as far as grid_dependency_wait()
  void finish();

 private:
  void start_next(Block& block);
  void run_together();
  std::shared_ptr<const LaunchRecord> record_;
  std::uint64_t seed_;
  bool seeded_;
  Progress progress_;
  std::vector<std::uint32_t> order_;  ///< numbers of blocks
  std::size_t started_ = 0;
  std::vector<std::unique_ptr<Block>> blocks_;  ///< those that started early; the first then runs the others
};

class Machine {
 public:
  std::uint64_t memory_bytes() const;
  std::uint64_t next_seed() { return settings.seed * 0x9e3779b97f4a7c15ULL + ++launches_; }
  void restart_seeds() noexcept { launches_ = 0; }
  std::unique_ptr<Block> take_block();
  void give_back(std::unique_ptr<Block> block);
  /// Error{kDevice} when a write went past an allocation; `what` ran last.
  void check_memory(const std::string& what, bool whole);
  /// Runs whatever streams still hold: before memory goes away. What fails then is reported by the next synchronize().
  void drain() noexcept;
  /// Counts something that the device is asked to do. Error{kDevice} naming it when the device is lost.
  void operate(const std::string& what);
  void require_present(const std::string& what);
  void lose_device(std::int64_t n);
  std::int64_t operation_count() const noexcept { return operations_; }

  std::recursive_mutex mutex;
  EmulationSettings settings;
  DeviceHeap heap;
  std::vector<Stream::State*> streams;
  std::string late_error;

 private:
  std::uint64_t launches_ = 0;
  std::int64_t operations_ = 0;
  std::int64_t lost_at_ = 0;  ///< number of the first operation that fails; 0: none
  bool lost_ = false;
  std::vector<std::unique_ptr<Block>> idle_blocks_;
};

/// Lives until the process ends.
Machine& machine();

}  // namespace qbench::kernels::cuda_emulated::emulation
