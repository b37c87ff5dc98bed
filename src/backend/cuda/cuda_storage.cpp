#include "backend/cuda/cuda_storage.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {
namespace {

/// What `allocate` throws, with what it was for.
template <class Allocate>
void named(const std::string& what, Allocate allocate) {
  try {
    allocate();
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), what);
  }
}

constexpr std::size_t kMostSlabBytes = std::size_t{128} << 20;
constexpr std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

/// Memory that nobody is charged for.
std::shared_ptr<kernels::DeviceMemory> uncharged(std::size_t bytes) {
  struct Restore {
    std::shared_ptr<MemoryAccount> account = MemoryAccount::current();
    ~Restore() { MemoryAccount::make_current(account); }
  } const restore;
  MemoryAccount::make_current(nullptr);
  return std::make_shared<kernels::DeviceMemory>(bytes, MemoryPurpose::kWeights);
}

void check_supported(const tensor::RowSource& part) {
  if (!kernels::device_reads(part.dtype())) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the CUDA kernels do not read {} weights (they read f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k, "
                            "q6_k, iq4_nl, int8, fp8, fp8_block, int4); use --device cpu",
                            tensor::name_of(part.dtype())),
                "cuda");
  }
}

}  // namespace

CudaBuffer::CudaBuffer(std::int64_t numbers, MemoryPurpose purpose)
    : memory_(static_cast<std::size_t>(numbers) * sizeof(float), purpose), numbers_(numbers) {}

WeightArena::Place WeightArena::take(std::size_t bytes) {
  held_ += bytes;
  if (page_bytes_ == 0) {
    auto own_memory = uncharged(bytes);
    unsigned char* data = own_memory->as<unsigned char>();
    return {std::move(own_memory), data};
  }
  const std::size_t room = round_up(bytes, 256);
  std::erase_if(slabs_, [](const Slab& slab) { return slab.memory.expired(); });
  for (Slab& slab : slabs_) {
    auto memory = slab.memory.lock();
    if (memory == nullptr || memory->bytes() - slab.used < room) continue;
    unsigned char* data = memory->as<unsigned char>() + slab.used;
    slab.used += room;
    return {std::move(memory), data};
  }
  const std::size_t generous = round_up(std::max(room, std::min(held_ / 32, kMostSlabBytes)), page_bytes_);
  auto memory = uncharged(generous);
  unsigned char* data = memory->as<unsigned char>();
  slabs_.push_back({memory, room});
  return {std::move(memory), data};
}

CudaMatrix::CudaMatrix(std::span<const tensor::RowSource* const> parts, std::uint64_t id, Uploader& uploader, WeightArena& arena)
    : id_(id) {
  QB_CHECK(!parts.empty());
  cols_ = parts.front()->cols();
  std::vector<kernels::WeightLayout> layouts;
  std::vector<std::int64_t> offsets;
  std::int64_t bytes = 0;
  for (const tensor::RowSource* part : parts) {
    QB_CHECK(part->cols() == cols_ && part->rows() > 0);
    check_supported(*part);
    layouts.push_back(kernels::weight_layout(part->dtype(), cols_));
    offsets.push_back(bytes);
    rows_ += part->rows();
    bytes += (part->rows() * layouts.back().row_bytes + 255) / 256 * 256;
  }
  bytes_ = static_cast<std::uint64_t>(bytes);
  named(fmt::format("weights of {} x {}", rows_, cols_), [&] {
    charge_ = MemoryCharge(bytes_, MemoryPurpose::kWeights);
    place_ = arena.take(bytes_);
  });
  for (std::size_t p = 0; p < parts.size(); ++p) {
    unsigned char* data = place_.data + offsets[p];
    uploader.upload(*parts[p], layouts[p], data);
    const kernels::WeightRows rows = kernels::weight_rows(layouts[p], data);
    // Parts of one type without a gap between them are one: one product instead of several.
    if (!parts_.empty() && parts_.back().rows.dtype == rows.dtype && parts_.back().rows.data + parts_.back().count * rows.row_bytes == data) {
      parts_.back().count += parts[p]->rows();
    } else {
      parts_.push_back({rows, parts[p]->rows()});
    }
  }
}

kernels::WeightRows CudaMatrix::from_row(std::int64_t row) const {
  for (const Part& part : parts_) {
    if (row < part.count) {
      kernels::WeightRows rows = part.rows;
      rows.data += row * rows.row_bytes;
      return rows;
    }
    row -= part.count;
  }
  QB_CHECK(false);
  return {};
}

CudaKvCache::CudaKvCache(const KvCacheShape& shape) : shape_(shape) {
  QB_CHECK(shape.layers > 0 && shape.kv_heads > 0 && shape.sequences > 0 && shape.positions > 0 && shape.head_dim > 0);
  const bool known = shape.dtype == tensor::DType::kF32 || shape.dtype == tensor::DType::kF16 || shape.dtype == tensor::DType::kBF16 ||
                     shape.dtype == tensor::DType::kQ8_0 || shape.dtype == tensor::DType::kFP8;
  if (!known)
    throw Error(ErrorCode::kUnsupported, fmt::format("{} is no type of cache here; give --kv-type f32, f16, bf16, fp8 or q8_0", tensor::name_of(shape.dtype)),
                "kv cache");
  if (shape.dtype == tensor::DType::kQ8_0 && shape.head_dim % 32 != 0) {
    throw Error(ErrorCode::kUnsupported, fmt::format("q8_0 needs a head size divisible by 32, not {}; give --kv-type f32, f16 or bf16", shape.head_dim), "kv cache");
  }
  if (shape.head_dim % 8 != 0 || shape.head_dim > kernels::kMostHeadDim) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the CUDA kernels do heads of 8 to {} numbers, divisible by 8, not {}; use --device cpu", kernels::kMostHeadDim, shape.head_dim),
                "kv cache");
  }
  QB_CHECK(shape.policy.window >= 0 && shape.policy.sinks >= 0 && shape.policy.step >= 1);
  const std::int64_t room = kv_room(shape.policy, shape.positions);
  const KvReach all = reach(0);
  unsigned __int128 bytes = 1;
  for (const std::int64_t factor : {shape.layers, shape.sequences, shape.kv_heads, shape.positions, shape.head_dim}) {
    bytes *= static_cast<std::uint64_t>(factor);
    if (bytes > (std::uint64_t{1} << 60) || factor > INT32_MAX) throw Error(ErrorCode::kMemory, "more than 2^60 numbers", "kv cache");
  }
  layout_ = kernels::make_kv_layout(shape.dtype, static_cast<std::int32_t>(shape.head_dim), static_cast<std::int32_t>(shape.kv_heads),
                                    static_cast<std::int32_t>(shape.sequences), static_cast<std::int32_t>(room),
                                    static_cast<std::int32_t>(all.origin), static_cast<std::int32_t>(all.ring));
  named("kv cache", [&] { memory_ = kernels::DeviceMemory(static_cast<std::uint64_t>(layout_.head_offset(shape.layers, 0, 0)), MemoryPurpose::kKv); });
}

const CudaMatrix& own(const Matrix& matrix) {
  const auto* mine = dynamic_cast<const CudaMatrix*>(&matrix);
  QB_CHECK(mine != nullptr);
  return *mine;
}

const CudaBuffer& own(const Buffer& buffer) {
  const auto* mine = dynamic_cast<const CudaBuffer*>(&buffer);
  QB_CHECK(mine != nullptr);
  return *mine;
}

CudaKvCache& own(KvCache& cache) {
  auto* mine = dynamic_cast<CudaKvCache*>(&cache);
  QB_CHECK(mine != nullptr);
  return *mine;
}

const CudaKvCache& own(const KvCache& cache) {
  const auto* mine = dynamic_cast<const CudaKvCache*>(&cache);
  QB_CHECK(mine != nullptr);
  return *mine;
}

float* data_or_null(const Buffer* buffer, std::int64_t size) {
  if (buffer == nullptr) return nullptr;
  QB_CHECK(buffer->size() >= size);
  return own(*buffer).data();
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
