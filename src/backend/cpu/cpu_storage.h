#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/kv_reach.h"
#include "base/memory_account.h"
#include "kernels/cpu/kv_cache.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/thread_pool.h"

namespace qbench::backend {

/// Zeroed pages of anonymous memory, 64-byte aligned (in fact page-aligned), with huge pages asked for where they help.
class PageBlock {
 public:
  PageBlock() = default;
  /// Error{kMemory} with `what` and the bytes when the system refuses, or when they exceed what this process may still use or --vram-limit.
  PageBlock(std::uint64_t bytes, const char* what, MemoryPurpose purpose = MemoryPurpose::kWorkspace);
  ~PageBlock();
  PageBlock(PageBlock&& other) noexcept;
  PageBlock& operator=(PageBlock&& other) noexcept;

  std::byte* data() const noexcept { return data_; }
  std::uint64_t bytes() const noexcept { return bytes_; }
  /// Writes one byte of every page, each thread its share, so that no page is taken inside a timed region.
  void touch(kernels::cpu::ThreadPool& pool);

 private:
  MemoryCharge charge_;
  std::byte* data_ = nullptr;
  std::uint64_t bytes_ = 0;
};

class CpuBuffer final : public Buffer {
 public:
  CpuBuffer(std::int64_t numbers, MemoryPurpose purpose)
      : block_(static_cast<std::uint64_t>(numbers) * sizeof(float), "buffer", purpose), numbers_(numbers) {}
  std::int64_t size() const override { return numbers_; }
  float* data() const noexcept { return reinterpret_cast<float*>(block_.data()); }
  PageBlock& block() noexcept { return block_; }

 private:
  PageBlock block_;
  std::int64_t numbers_;
};

class CpuMatrix final : public Matrix {
 public:
  explicit CpuMatrix(std::vector<std::unique_ptr<kernels::cpu::PackedMatrix>> parts);
  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return cols_; }
  std::uint64_t device_bytes() const override;

  std::size_t parts() const noexcept { return parts_.size(); }
  const kernels::cpu::PackedMatrix& part(std::size_t i) const { return *parts_[i]; }
  std::int64_t first_row(std::size_t i) const { return first_rows_[i]; }

 private:
  MemoryCharge charge_;
  std::vector<std::unique_ptr<kernels::cpu::PackedMatrix>> parts_;
  std::vector<std::int64_t> first_rows_;
  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
};

class CpuKvCache final : public KvCache {
 public:
  /// Error{kMemory}, {kUnsupported}.
  CpuKvCache(const KvCacheShape& shape, kernels::cpu::ThreadPool& pool);
  std::uint64_t device_bytes() const override { return block_.bytes(); }

  const KvCacheShape& shape() const noexcept { return shape_; }
  KvReach reach(std::int64_t own_window) const { return kv_reach(own_window, shape_.policy, shape_.positions); }
  std::int64_t slot(std::int64_t position) const { return kv_slot(reach_, position); }
  const kernels::cpu::KvLayout& layout() const noexcept { return layout_; }
  std::byte* head(std::int64_t layer, std::int64_t sequence, std::int64_t kv_head) const noexcept {
    return block_.data() + ((layer * shape_.sequences + sequence) * shape_.kv_heads + kv_head) * layout_.head_bytes();
  }

 private:
  KvCacheShape shape_;
  KvReach reach_;  ///< of a layer without a window of its own
  kernels::cpu::KvLayout layout_;
  PageBlock block_;
};

/// The CPU's own type behind the interface. A matrix, buffer or cache of another device here is a broken invariant.
const CpuMatrix& cpu(const Matrix& matrix);
const CpuBuffer& cpu(const Buffer& buffer);
CpuKvCache& cpu(KvCache& cache);
const CpuKvCache& cpu(const KvCache& cache);

}  // namespace qbench::backend
