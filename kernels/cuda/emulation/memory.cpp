#include "kernels/cuda/emulation/memory.h"

#include <sys/mman.h>

#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "kernels/cuda/emulation/poison.h"

namespace qbench::kernels::cuda_emulated::emulation {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kAlignment = 256;  // what cudaMalloc promises
constexpr std::size_t round_up(std::size_t bytes, std::size_t multiple) { return (bytes + multiple - 1) / multiple * multiple; }

void unmap(std::byte* pages, std::size_t page_bytes) noexcept {
  allow_access(pages - kPageBytes, page_bytes + 2 * kPageBytes);
  munmap(pages - kPageBytes, page_bytes + 2 * kPageBytes);
}

}  // namespace

DeviceHeap::~DeviceHeap() {
  for (const auto& [data, allocation] : allocations_) unmap(allocation.pages, allocation.page_bytes);
}

void* DeviceHeap::allocate(std::size_t bytes, std::uint64_t limit_bytes) {
  ++count_;
  const std::uint64_t free_bytes = limit_bytes > allocated_bytes_ ? limit_bytes - allocated_bytes_ : 0;
  const auto refuse = [&](const char* why) {
    throw Error(ErrorCode::kMemory,
                "an allocation of " + std::to_string(bytes) + " bytes " + why + ": " + std::to_string(free_bytes) + " of " +
                    std::to_string(limit_bytes) + " bytes are free",
                "cuda-emulated");
  };
  if (count_ == fail_at_) refuse("failed on request");
  if (bytes > free_bytes) refuse("does not fit");
  const std::size_t page_bytes = round_up(bytes > 0 ? bytes : 1, kPageBytes);
  void* const mapping =
      mmap(nullptr, page_bytes + 2 * kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) refuse("failed");
  auto* const pages = static_cast<std::byte*>(mapping) + kPageBytes;
  QB_CHECK(mprotect(mapping, kPageBytes, PROT_NONE) == 0);
  QB_CHECK(mprotect(pages + page_bytes, kPageBytes, PROT_NONE) == 0);
  std::byte* const end = pages + page_bytes;
  std::byte* const data = end - round_up(bytes, kAlignment);
  fill_zone(pages, static_cast<std::size_t>(data - pages));
  std::memset(data, kPoisonByte, bytes);
  fill_zone(data + bytes, static_cast<std::size_t>(end - data) - bytes);
  allocations_.emplace(reinterpret_cast<std::uintptr_t>(data), Allocation{bytes, pages, page_bytes});
  allocated_bytes_ += bytes;
  return data;
}

bool DeviceHeap::intact(std::uintptr_t data, const Allocation& allocation, bool whole) {
  const auto* const begin = reinterpret_cast<const std::byte*>(data);
  const std::byte* const end = allocation.pages + allocation.page_bytes;
  return zone_intact(begin + allocation.bytes, static_cast<std::size_t>(end - begin) - allocation.bytes) &&
         (!whole || zone_intact(allocation.pages, static_cast<std::size_t>(begin - allocation.pages)));
}

void DeviceHeap::release(void* data) noexcept {
  if (data == nullptr) return;
  const auto found = allocations_.find(reinterpret_cast<std::uintptr_t>(data));
  QB_CHECK(found != allocations_.end());
  allocated_bytes_ -= found->second.bytes;
  unmap(found->second.pages, found->second.page_bytes);
  allocations_.erase(found);
}

bool DeviceHeap::contains(const void* address, std::size_t bytes) const noexcept {
  const auto first = reinterpret_cast<std::uintptr_t>(address);
  auto next = allocations_.upper_bound(first);
  if (next == allocations_.begin()) return false;
  --next;
  return first - next->first <= next->second.bytes && bytes <= next->second.bytes - (first - next->first);
}

std::string DeviceHeap::damage(bool whole) {
  for (auto& [data, allocation] : allocations_) {
    if (allocation.reported || intact(data, allocation, whole)) continue;
    allocation.reported = true;
    return "something wrote next to an allocation of " + std::to_string(allocation.bytes) + " bytes";
  }
  return {};
}

}  // namespace qbench::kernels::cuda_emulated::emulation
