#pragma once

#include <cstddef>
#include <cstdint>

namespace qbench::kernels::cpu {

/// Zeroed memory for weights, 64-byte aligned; from 2 MiB on in its own mapping, for which huge pages are asked. Move-only.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  /// Throws Error{kMemory} when the allocation fails.
  explicit AlignedBuffer(std::uint64_t bytes);
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;

  std::uint8_t* data() noexcept { return data_; }
  const std::uint8_t* data() const noexcept { return data_; }
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  std::uint8_t* data_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace qbench::kernels::cpu
