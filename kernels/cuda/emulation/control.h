#pragma once

#include <cstddef>
#include <cstdint>

/// What tests and soak runs set of the emulated device. It is one device for the whole process, as a GPU is, so its settings are the process's.
namespace qbench::kernels::cuda_emulated {

enum class EmulationOrder {
  kFixed,   ///< blocks and threads in the order of their numbers
  kSeeded,  ///< blocks, and threads between two places where they wait, in an order drawn from the seed
};

struct EmulationSettings {
  EmulationOrder order = EmulationOrder::kSeeded;
  std::uint64_t seed = 1;
  /// Programmatic launches: the first blocks of a kernel run before its predecessor, up to grid_dependency_wait(). Kernels then run when the next
  /// thing is submitted, and what is wrong with them is reported there or by synchronize().
  bool early_dependents = true;
  std::uint64_t memory_bytes = 0;  ///< of the device; 0: the machine's
  std::size_t shared_bytes_per_block = 227 * 1024;  ///< the most that a block may have, static and dynamic together; 227 KB at most
};

EmulationSettings emulation_settings();
/// Holds for what is submitted from now on. The same seed and the same calls give the same order.
void set_emulation(const EmulationSettings& settings);

/// The n-th allocation from now on (1: the next) fails with Error{kMemory}; 0: none does.
void fail_allocation(std::int64_t n);
/// Allocations since the process started, failed ones included.
std::int64_t allocation_count();
std::uint64_t allocated_bytes();

/// The n-th operation of the device from now on (1: the next) and all after it fail with Error{kDevice}, as on a GPU that fell off its bus;
/// 0: the device is there again. Operations are launches, of graphs too, copies, fills and waits; allocations and questions fail with them,
/// but do not count.
void lose_device(std::int64_t n);
/// Operations since the process started, failed ones included.
std::int64_t operation_count();

}  // namespace qbench::kernels::cuda_emulated
