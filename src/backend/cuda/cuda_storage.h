#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/cuda/cuda_upload.h"
#include "backend/kv_reach.h"
#include "kernels/cuda/kv_layout.h"
#include "kernels/cuda/runtime.h"
#include "kernels/cuda/weight_layout.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {

/// Device memory that only grows and keeps nothing when it does.
class WorkArea {
 public:
  /// At least `numbers` of T. Error{kMemory}.
  template <class T>
  T* need(std::int64_t numbers) {
    const auto bytes = static_cast<std::size_t>(numbers) * sizeof(T);
    if (bytes > memory_.bytes()) {
      memory_ = kernels::DeviceMemory();  // frees first: both need not fit
      memory_ = kernels::DeviceMemory(bytes);
    }
    return memory_.as<T>();
  }
  std::size_t bytes() const noexcept { return memory_.bytes(); }

 private:
  kernels::DeviceMemory memory_;
};

/// Counters that kernels leave at zero.
class Tickets {
 public:
  unsigned* need(std::int64_t count, kernels::Stream& stream) {
    if (count > this->count()) {
      fill_zero(area_.need<unsigned>(count), static_cast<std::size_t>(count) * sizeof(unsigned), stream);
    }
    return area_.need<unsigned>(count);
  }
  std::int64_t count() const noexcept { return static_cast<std::int64_t>(area_.bytes() / sizeof(unsigned)); }

 private:
  WorkArea area_;
};

class CudaBuffer final : public Buffer {
 public:
  CudaBuffer(std::int64_t numbers, MemoryPurpose purpose);
  std::int64_t size() const override { return numbers_; }
  float* data() const noexcept { return memory_.as<float>(); }

 private:
  kernels::DeviceMemory memory_;
  std::int64_t numbers_;
};

/// Places for weights. A device rounds every allocation up to whole pages, which costs a model of thousands of experts a tenth of its size: so
/// matrices share slabs. Slack: at most a 32nd of what is held, and a page.
class WeightArena {
 public:
  struct Place {
    std::shared_ptr<kernels::DeviceMemory> slab;
    unsigned char* data = nullptr;
  };
  /// page_bytes 0: every matrix has memory of its own, whose bounds the emulation and AddressSanitizer watch.
  explicit WeightArena(std::size_t page_bytes) : page_bytes_(page_bytes) {}
  /// 256-byte aligned. Error{kMemory}. Slabs are not charged to the account: matrices are.
  Place take(std::size_t bytes);

 private:
  struct Slab {
    std::weak_ptr<kernels::DeviceMemory> memory;
    std::size_t used = 0;
  };
  std::size_t page_bytes_;
  std::size_t held_ = 0;
  std::vector<Slab> slabs_;  ///< with room left
};

class CudaMatrix final : public Matrix {
 public:
  struct Part {
    kernels::WeightRows rows;
    std::int64_t count = 0;  ///< rows of the part, or of neighbours of its type
  };

  /// Reads, repacks and starts to upload. Error{kUnsupported} for a type that the kernels do not read, {kMemory}, or what reading throws.
  CudaMatrix(std::span<const tensor::RowSource* const> parts, std::uint64_t id, Uploader& uploader, WeightArena& arena);
  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return cols_; }
  std::uint64_t device_bytes() const override { return bytes_; }

  std::span<const Part> parts() const noexcept { return parts_; }
  /// A number that no other matrix of this backend has had.
  std::uint64_t id() const noexcept { return id_; }
  /// Row `row` of the stacked matrix, as the start of a matrix of its part's form.
  kernels::WeightRows from_row(std::int64_t row) const;

 private:
  MemoryCharge charge_;
  WeightArena::Place place_;
  std::uint64_t bytes_ = 0;
  std::vector<Part> parts_;
  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
  std::uint64_t id_;
};

class CudaKvCache final : public KvCache {
 public:
  /// Error{kMemory}, {kUnsupported}.
  explicit CudaKvCache(const KvCacheShape& shape);
  std::uint64_t device_bytes() const override { return memory_.bytes(); }

  const KvCacheShape& shape() const noexcept { return shape_; }
  KvReach reach(std::int64_t own_window) const { return kv_reach(own_window, shape_.policy, shape_.positions); }
  const kernels::KvLayout& layout() const noexcept { return layout_; }
  unsigned char* data() const noexcept { return memory_.as<unsigned char>(); }

 private:
  KvCacheShape shape_;
  kernels::KvLayout layout_;
  kernels::DeviceMemory memory_;
};

/// The device's own type behind the interface. A matrix, buffer or cache of another device here is a broken invariant.
const CudaMatrix& own(const Matrix& matrix);
const CudaBuffer& own(const Buffer& buffer);
CudaKvCache& own(KvCache& cache);
const CudaKvCache& own(const KvCache& cache);
float* data_or_null(const Buffer* buffer, std::int64_t size);

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
