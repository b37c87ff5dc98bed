#include "backend/cpu/cpu_backend.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>

#include <fmt/format.h>

#include "backend/cpu/cpu_backend_impl.h"
#include "backend/cpu/cpu_cost.h"
#include "backend/cpu/cpu_probes.h"
#include "backend/cpu/host_limits.h"
#include "backend/unfused_backend.h"
#include "base/check.h"
#include "base/error.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/matmul_dequantised.h"

namespace qbench::backend {
namespace cpu_kernels = kernels::cpu;
namespace {

constexpr int kMostThreads = 1024;

bool offers(cpu_kernels::Isa isa, const cpu_kernels::CpuFeatures& features) {
  switch (isa) {
    case cpu_kernels::Isa::kScalar:
      return true;
    case cpu_kernels::Isa::kAvx2:
      return features.avx2;
    case cpu_kernels::Isa::kAvx512:
      return features.avx512;
  }
  return false;
}

/// Runs bodies that may throw: the first exception goes on in the caller.
cpu_kernels::ParallelFor throwing_parallel_for(cpu_kernels::ThreadPool& pool) {
  return [&pool](std::int64_t count, const std::function<void(std::int64_t, std::int64_t)>& body) {
    std::mutex mutex;
    std::exception_ptr failure;
    pool.run([&](int thread) {
      const cpu_kernels::Range range = cpu_kernels::partition(count, 1, thread, pool.threads());
      if (range.size() == 0) return;
      try {
        body(range.begin, range.end);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    });
    if (failure) std::rethrow_exception(failure);
  };
}

}  // namespace

int default_cpu_threads() {
  const int cores = std::max(1, physical_cores(affinity_processors()));
  return std::min(cores, cgroup_processors().value_or(cores));
}

std::unique_ptr<Backend> make_cpu_backend(const CpuOptions& options) {
  if (options.threads < 0 || options.threads > kMostThreads) {
    throw Error(ErrorCode::kUsage, fmt::format("{} threads (1 to {} are possible, 0 chooses)", options.threads, kMostThreads), "cpu");
  }
  const cpu_kernels::CpuFeatures features = cpu_kernels::detect_features();
  const cpu_kernels::Isa isa = options.paths.simd ? options.isa.value_or(cpu_kernels::best_isa(features)) : cpu_kernels::Isa::kScalar;
  if (!offers(isa, features)) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("this processor has no {}; its best is {}", cpu_kernels::name_of(isa),
                            cpu_kernels::name_of(cpu_kernels::best_isa(features))),
                "cpu");
  }
  auto device = std::make_unique<CpuBackend>(options.threads == 0 ? default_cpu_threads() : options.threads, isa, features, options.paths,
                                             options.memory ? options.memory : std::make_shared<MemoryAccount>(options.memory_limit_bytes));
  if (!options.paths.fusion) return std::make_unique<UnfusedBackend>(std::move(device));
  return device;
}

CpuBackend::CpuBackend(int threads, cpu_kernels::Isa isa, cpu_kernels::CpuFeatures features, const Paths& paths,
                       std::shared_ptr<MemoryAccount> memory)
    : memory_(std::move(memory)), context_(threads, isa, features), paths_(paths), stage_(context_) {
  paths_.fusion = true;  // taking steps apart is the wrapper's
  paths_.simd = isa != cpu_kernels::Isa::kScalar;
}

MachineLimits CpuBackend::measure_limits() {
  const UnchargedScope uncharged;  // of the machine, not of the model
  return measure_cpu_limits(context_, memory_->left_bytes());
}

Paths CpuBackend::paths_on() const {
  Paths on = paths_;
  on.repack = repacks_;
  return on;
}

void CpuBackend::forget_study(std::uint64_t peak) {
  scores_ = WorkArea();
  memory_->lower_peak(peak);
}

DeviceInfo CpuBackend::device() const {
  const HostMemory memory = host_memory();
  DeviceInfo info;
  info.kind = DeviceKind::kCpu;
  info.name = "cpu";
  info.description = processor_name();
  info.instruction_sets = cpu_kernels::describe(context_.isa, context_.features);
  info.attention_path =
      paths_.flash ? "flash (tiled, online softmax, f32 accumulation)" : "materialised (all scores in memory, three passes, f32)";
  info.paths = describe_paths(paths_, DeviceKind::kCpu);
  info.threads = context_.pool.threads();
  info.memory_bytes = memory.total_bytes;
  info.memory_free_bytes = memory.free_bytes;
  return info;
}

std::unique_ptr<Matrix> CpuBackend::load_matrix(std::span<const tensor::RowSource* const> parts) {
  QB_CHECK(!parts.empty());
  MemoryAccount::make_current(memory_);
  std::vector<std::unique_ptr<cpu_kernels::PackedMatrix>> packed;
  try {
    for (const tensor::RowSource* part : parts) {
      repacks_ = repacks_ || (paths_.repack && !cpu_kernels::is_dequantised(part->dtype()));
      const cpu_kernels::ParallelFor parallel = throwing_parallel_for(context_.pool);
      packed.push_back(paths_.repack ? cpu_kernels::pack_matrix(*part, context_.isa, context_.features, parallel)
                                     : cpu_kernels::unpacked_matrix(*part, context_.isa, context_.features, parallel));
    }
  } catch (const std::bad_alloc&) {
    const tensor::RowSource& part = *parts[packed.size()];
    throw Error(ErrorCode::kMemory,
                fmt::format("no memory for a matrix of {} x {} {}", part.rows(), part.cols(), tensor::name_of(part.dtype())), "weights");
  }
  return std::make_unique<CpuMatrix>(std::move(packed));
}

std::unique_ptr<Buffer> CpuBackend::load_vector(std::span<const float> values) {
  MemoryAccount::make_current(memory_);
  auto buffer = std::make_unique<CpuBuffer>(static_cast<std::int64_t>(values.size()), MemoryPurpose::kWeights);
  std::copy(values.begin(), values.end(), buffer->data());
  return buffer;
}

std::unique_ptr<Buffer> CpuBackend::allocate(std::int64_t numbers) {
  QB_CHECK(numbers >= 0);
  MemoryAccount::make_current(memory_);
  auto buffer = std::make_unique<CpuBuffer>(numbers, MemoryPurpose::kActivations);
  buffer->block().touch(context_.pool);
  return buffer;
}

std::unique_ptr<KvCache> CpuBackend::make_kv_cache(const KvCacheShape& shape) {
  MemoryAccount::make_current(memory_);
  return std::make_unique<CpuKvCache>(shape, context_.pool);
}

void CpuBackend::begin_step(const Batch& batch) {
  MemoryAccount::make_current(memory_);  // work areas grow within steps
  batch_.begin(batch);
}

void CpuBackend::end_step() noexcept { batch_.end(); }

void CpuBackend::embed(const Matrix& table, Buffer& x) {
  const CpuMatrix& matrix = cpu(table);
  float* to = cpu(x).data();
  const std::int64_t tokens = batch_.tokens();
  QB_CHECK(batch_.open() && matrix.parts() == 1 && x.size() >= tokens * matrix.cols());
  for (const std::int32_t id : batch_.ids()) QB_CHECK(id >= 0 && id < matrix.rows());
  const auto copy = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) matrix.part(0).read_row(batch_.ids()[static_cast<std::size_t>(t)], to + t * matrix.cols());
  };
  count([&] {
    const std::uint64_t row_bytes = matrix.device_bytes() / static_cast<std::uint64_t>(matrix.rows());
    return StepCost{static_cast<std::uint64_t>(tokens) * (row_bytes + float_bytes(matrix.cols())), 0, 1};
  });
  if (tokens < context_.pool.threads()) {
    copy(0, tokens);
    return;
  }
  context_.pool.run([&](int thread) {
    const cpu_kernels::Range range = cpu_kernels::partition(tokens, 1, thread, context_.pool.threads());
    copy(range.begin, range.end);
  });
}

void CpuBackend::read(const Buffer& from, std::int64_t first, std::span<float> to) {
  QB_CHECK(first >= 0 && first + static_cast<std::int64_t>(to.size()) <= from.size());
  if (!to.empty()) std::memcpy(to.data(), cpu(from).data() + first, to.size_bytes());
  count([&] { return StepCost{2 * to.size_bytes(), 0, 0}; });
}

}  // namespace qbench::backend
