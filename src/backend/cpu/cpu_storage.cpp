#include "backend/cpu/cpu_storage.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "backend/cpu/host_limits.h"
#include "base/check.h"
#include "base/error.h"

namespace qbench::backend {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kHugeBytes = std::uint64_t{2} << 20;
/// From here on an allocation is compared with the memory that is left: the system promises more than it has and kills whoever uses it.
constexpr std::uint64_t kCheckedBytes = std::uint64_t{64} << 20;

std::uint64_t cache_bytes(const KvCacheShape& shape, const kernels::cpu::KvLayout& layout) {
  unsigned __int128 bytes = static_cast<unsigned __int128>(layout.head_bytes());
  for (const std::int64_t factor : {shape.layers, shape.sequences, shape.kv_heads}) {
    bytes *= static_cast<std::uint64_t>(factor);
    if (bytes > INT64_MAX) throw Error(ErrorCode::kMemory, "more than 2^63 bytes", "kv cache");
  }
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace

PageBlock::PageBlock(std::uint64_t bytes, const char* what, MemoryPurpose purpose) : charge_(bytes, purpose) {
  if (bytes == 0) return;
  if (bytes >= kCheckedBytes) {
    const HostMemory memory = host_memory();
    if (memory.free_bytes != 0 && bytes > memory.free_bytes) {
      throw Error(ErrorCode::kMemory, fmt::format("needs {} bytes, {} of {} are free", bytes, memory.free_bytes, memory.total_bytes), what);
    }
  }
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    throw Error(ErrorCode::kMemory, fmt::format("the system refused {} bytes: {}", bytes, std::strerror(errno)), what);
  if (bytes >= kHugeBytes) madvise(pages, bytes, MADV_HUGEPAGE);  // only a wish: small pages work as well
  data_ = static_cast<std::byte*>(pages);
  bytes_ = bytes;
}

PageBlock::~PageBlock() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

PageBlock::PageBlock(PageBlock&& other) noexcept
    : charge_(std::move(other.charge_)), data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

PageBlock& PageBlock::operator=(PageBlock&& other) noexcept {
  std::swap(charge_, other.charge_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void PageBlock::touch(kernels::cpu::ThreadPool& pool) {
  const auto pages = static_cast<std::int64_t>((bytes_ + kPageBytes - 1) / kPageBytes);
  const int threads = bytes_ < kHugeBytes ? 1 : pool.threads();
  const auto body = [&](int thread) {
    if (thread >= threads) return;
    const kernels::cpu::Range range = kernels::cpu::partition(pages, 1, thread, threads);
    for (std::int64_t page = range.begin; page < range.end; ++page) {
      *static_cast<volatile std::byte*>(data_ + static_cast<std::uint64_t>(page) * kPageBytes) = std::byte{0};
    }
  };
  if (threads == 1) {
    body(0);
  } else {
    pool.run(body);
  }
}

CpuMatrix::CpuMatrix(std::vector<std::unique_ptr<kernels::cpu::PackedMatrix>> parts) : parts_(std::move(parts)) {
  QB_CHECK(!parts_.empty());
  cols_ = parts_.front()->cols();
  for (const auto& part : parts_) {
    QB_CHECK(part->cols() == cols_);
    first_rows_.push_back(rows_);
    rows_ += part->rows();
  }
  charge_ = MemoryCharge(device_bytes(), MemoryPurpose::kWeights);
}

std::uint64_t CpuMatrix::device_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& part : parts_) bytes += part->bytes();
  return bytes;
}

CpuKvCache::CpuKvCache(const KvCacheShape& shape, kernels::cpu::ThreadPool& pool)
    : shape_(shape),
      reach_(reach(0)),
      layout_(kernels::cpu::make_kv_layout(shape.dtype, shape.head_dim, kv_room(shape.policy, shape.positions))) {
  QB_CHECK(shape.policy.window >= 0 && shape.policy.sinks >= 0 && shape.policy.step >= 1);
  QB_CHECK(shape.layers > 0 && shape.kv_heads > 0 && shape.sequences > 0 && shape.positions > 0);
  block_ = PageBlock(cache_bytes(shape, layout_), "kv cache", MemoryPurpose::kKv);
  block_.touch(pool);
}

const CpuMatrix& cpu(const Matrix& matrix) {
  const auto* own = dynamic_cast<const CpuMatrix*>(&matrix);
  QB_CHECK(own != nullptr);
  return *own;
}

const CpuBuffer& cpu(const Buffer& buffer) {
  const auto* own = dynamic_cast<const CpuBuffer*>(&buffer);
  QB_CHECK(own != nullptr);
  return *own;
}

CpuKvCache& cpu(KvCache& cache) {
  auto* own = dynamic_cast<CpuKvCache*>(&cache);
  QB_CHECK(own != nullptr);
  return *own;
}

const CpuKvCache& cpu(const KvCache& cache) {
  const auto* own = dynamic_cast<const CpuKvCache*>(&cache);
  QB_CHECK(own != nullptr);
  return *own;
}

}  // namespace qbench::backend
