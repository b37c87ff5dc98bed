#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// Shared memory of an emulated block. Each declaration of a shared array has a static key, one per instance of a template; at its first use in a
/// block the array gets its place, filled with 0xff (NaN in every float type) between two zones that must stay as they are.
namespace qbench::kernels::cuda_emulated::emulation {

struct SharedKey {
  const char* name;
  std::atomic<int> index{-1};
  constexpr explicit SharedKey(const char* the_name) noexcept : name(the_name) {}
};

class SharedArena {
 public:
  static constexpr std::size_t kStaticBytes = 48 * 1024;  ///< what nvcc accepts, and a launch without opting in to more
  static constexpr std::size_t kBlockBytes = 227 * 1024;  ///< compute capability 9.0, static and dynamic together

  SharedArena();
  ~SharedArena();
  SharedArena(const SharedArena&) = delete;
  SharedArena& operator=(const SharedArena&) = delete;

  /// A new block: nothing is placed.
  void start(std::size_t dynamic_bytes);
  /// The array's place in this block, or nullptr when shared memory is full.
  void* array(SharedKey& key, std::size_t bytes) {
    const int index = key.index.load(std::memory_order_relaxed);
    if (index >= 0 && static_cast<std::size_t>(index) < slots_.size() && slots_[static_cast<std::size_t>(index)].block == block_) {
      return slots_[static_cast<std::size_t>(index)].data;
    }
    return place_array(key, bytes);
  }
  void* dynamic() const noexcept { return dynamic_; }
  bool contains(const void* address, std::size_t bytes) const noexcept;
  /// Names the array whose surroundings were overwritten; empty when none was.
  std::string damage() const;

 private:
  struct Slot {
    std::uint64_t block = 0;
    std::byte* data = nullptr;
    std::size_t bytes = 0;
    const char* name = "";
  };
  void* place_array(SharedKey& key, std::size_t bytes);
  std::byte* place(std::size_t bytes);

  std::vector<std::byte> memory_;
  std::size_t used_ = 0;          ///< of memory_
  std::size_t static_bytes_ = 0;  ///< of arrays
  std::uint64_t block_ = 0;
  std::vector<Slot> slots_;  ///< by key
  std::vector<int> placed_;
  Slot dynamic_slot_;
  std::byte* dynamic_ = nullptr;
};

/// For QB_SHARED and QB_DYNAMIC_SHARED, called by a thread of a block.
void* shared_array(SharedKey& key, std::size_t bytes);
void* shared_dynamic();

}  // namespace qbench::kernels::cuda_emulated::emulation
