#include "kernels/cpu/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.h"

namespace qbench::kernels::cpu {
namespace {

constexpr std::uint64_t kHugePage = 2u << 20;

/// Maps `bytes` rounded up to pages, starting on a huge-page boundary; nullptr when the system refuses.
std::uint8_t* map_pages(std::uint64_t bytes) {
  const std::uint64_t reserved = bytes + kHugePage;
  void* mapping = mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::uint8_t*>(mapping);
  const std::uint64_t head = (kHugePage - reinterpret_cast<std::uintptr_t>(begin) % kHugePage) % kHugePage;
  const std::uint64_t tail = reserved - head - bytes;
  if (head > 0) munmap(begin, head);
  if (tail > 0) munmap(begin + head + bytes, tail);
  madvise(begin + head, bytes, MADV_HUGEPAGE);  // a wish: without it the pages are only smaller
  return begin + head;
}

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

AlignedBuffer::AlignedBuffer(std::uint64_t bytes) {
  if (bytes == 0) return;
  bytes_ = round_up(bytes, bytes >= kHugePage ? 4096 : 64);
  if (bytes_ >= kHugePage) {
    data_ = map_pages(bytes_);
  } else {
    data_ = static_cast<std::uint8_t*>(std::aligned_alloc(64, bytes_));
    if (data_ != nullptr) std::memset(data_, 0, bytes_);
  }
  if (data_ == nullptr) throw Error(ErrorCode::kMemory, "cannot allocate " + std::to_string(bytes_) + " bytes for a weight matrix; use a smaller model or precision");
}

AlignedBuffer::~AlignedBuffer() {
  if (data_ == nullptr) return;
  if (bytes_ >= kHugePage) {
    munmap(data_, bytes_);
  } else {
    std::free(data_);
  }
}

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace qbench::kernels::cpu
