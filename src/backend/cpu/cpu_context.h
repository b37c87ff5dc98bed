#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "backend/cpu/cpu_storage.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/thread_pool.h"

namespace qbench::backend {

/// Working memory that only grows. Growing happens between parallel regions, and touches the pages.
class WorkArea {
 public:
  /// At least `bytes`; what was in it is lost when it grows. Error{kMemory}.
  std::byte* need(std::uint64_t bytes, const char* what, kernels::cpu::ThreadPool& pool);
  float* need_numbers(std::int64_t numbers, const char* what, kernels::cpu::ThreadPool& pool);
  std::byte* data() const noexcept { return block_.data(); }

 private:
  PageBlock block_;
};

/// What all steps share: threads, kernels and instruction set.
struct CpuContext {
  CpuContext(int threads, kernels::cpu::Isa instruction_set, kernels::cpu::CpuFeatures processor_features)
      : isa(instruction_set),
        features(processor_features),
        pool(threads),
        elementwise(kernels::cpu::elementwise_kernels(instruction_set)),
        attention(kernels::cpu::attention_kernels(instruction_set)),
        append_kv(kernels::cpu::append_kv_kernel(instruction_set)) {}

  kernels::cpu::Isa isa;
  kernels::cpu::CpuFeatures features;
  kernels::cpu::ThreadPool pool;
  const kernels::cpu::ElementwiseKernels& elementwise;
  const kernels::cpu::AttentionKernels& attention;
  kernels::cpu::AppendKv append_kv;
};

constexpr std::size_t kInputKinds = 3;

/// The input kinds that a set of matrices reads.
class KindSet {
 public:
  void add(kernels::cpu::InputKind kind) { has_[static_cast<std::size_t>(kind)] = true; }
  void add(const CpuMatrix& matrix) {
    for (std::size_t i = 0; i < matrix.parts(); ++i) add(matrix.part(i).input_kind());
  }
  bool has(std::size_t kind) const { return has_[kind]; }

 private:
  std::array<bool, kInputKinds> has_{};
};

/// Rows of activations that matrices are to read, normalised first where `norm` is set.
struct InputSource {
  const float* x;            ///< (rows, cols)
  const std::int32_t* rows;  ///< (tokens) rows of x, or nullptr: 0, 1, ...
  std::int64_t tokens;
  std::int64_t cols;
  const float* norm;  ///< (cols) or nullptr
  float rms_eps;
};

/// Prepared activations by input kind.
using PreparedInput = std::array<const std::byte*, kInputKinds>;

/// Brings a step's input into the forms that its matrices read. A few tokens are prepared by every thread for itself, which is cheaper than
/// waiting for each other; many are divided between the threads, with a barrier behind.
class InputStage {
 public:
  explicit InputStage(CpuContext& context) : context_(context), own_(static_cast<std::size_t>(context.pool.threads())) {}

  /// Before the parallel region.
  void plan(const InputSource& source, const KindSet& kinds);
  /// In the region, on every thread. The result stays valid until the next plan.
  PreparedInput prepare(int thread);
  /// What prepare returned to this thread.
  PreparedInput prepared(int thread) const;
  /// After prepare: the normalised rows (tokens, cols), for this thread.
  const float* normalised(int thread) const;

 private:
  std::byte* area(int thread) const { return private_ ? own_[static_cast<std::size_t>(thread)].data() : shared_.data(); }

  CpuContext& context_;
  InputSource source_{};
  KindSet kinds_;
  bool private_ = false;
  std::array<std::int64_t, kInputKinds> offsets_{};  ///< of each kind's block in the area, behind the normalised rows
  WorkArea shared_;
  std::vector<WorkArea> own_;
};

/// The row range of part `part` that `thread` multiplies, when the rows of all parts together are divided evenly.
kernels::cpu::Range part_rows(const CpuMatrix& matrix, std::size_t part, int thread, int threads);

/// y[t * stride + r] (+)= row r of the stacked matrix times token t, for this thread's share of the rows.
void multiply_share(const CpuContext& context, const CpuMatrix& matrix, const PreparedInput& input, std::int64_t tokens, float* y,
                    std::int64_t stride, bool accumulate, int thread);

}  // namespace qbench::backend
