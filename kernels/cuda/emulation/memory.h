#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace qbench::kernels::cuda_emulated::emulation {

/// Memory of the emulated device. Each allocation has its own pages: it ends, rounded up to 256 bytes, at a page that nobody may touch,
/// begins after another one, and what lies between it and those pages must stay as it is. Fresh memory is 0xff.
class DeviceHeap {
 public:
  ~DeviceHeap();

  void* allocate(std::size_t bytes, std::uint64_t limit_bytes);  ///< Error{kMemory}
  void release(void* data) noexcept;

  std::uint64_t allocated_bytes() const noexcept { return allocated_bytes_; }
  std::int64_t allocation_count() const noexcept { return count_; }
  void fail_allocation(std::int64_t n) noexcept { fail_at_ = n > 0 ? count_ + n : 0; }
  /// Whether [address, address + bytes) lies in one allocation.
  bool contains(const void* address, std::size_t bytes) const noexcept;
  /// Says which allocation's surroundings were overwritten, each once; empty when none was. `whole`: also the pages' part before the data.
  std::string damage(bool whole);

 private:
  struct Allocation {
    std::size_t bytes;
    std::byte* pages;  ///< between the two guard pages
    std::size_t page_bytes;
    bool reported = false;
  };
  static bool intact(std::uintptr_t data, const Allocation& allocation, bool whole);

  std::map<std::uintptr_t, Allocation> allocations_;
  std::uint64_t allocated_bytes_ = 0;
  std::int64_t count_ = 0;
  std::int64_t fail_at_ = 0;
};

}  // namespace qbench::kernels::cuda_emulated::emulation
