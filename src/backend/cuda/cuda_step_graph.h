#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "kernels/cuda/attention_decode.h"
#include "kernels/cuda/attention_prefill.h"
#include "kernels/cuda/expert_groups.h"
#include "kernels/cuda/experts.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/matvec.h"
#include "kernels/cuda/matvec_columns.h"
#include "kernels/cuda/qkv.h"
#include "kernels/cuda/runtime.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {

namespace kernels = qbench::kernels::QB_CUDA_NAMESPACE;

/// One launch by its arguments.
using Operation =
    std::variant<kernels::EmbedArguments, kernels::QkvArguments, kernels::AttentionArguments, kernels::AttentionPrefillArguments,
                 kernels::MatvecArguments, kernels::GateUpArguments, kernels::SiluMulArguments, kernels::RouterArguments,
                 kernels::ExpertGateUpArguments, kernels::ExpertDownArguments, kernels::PrepareRowsArguments, kernels::MatmulArguments,
                 kernels::QkvFinishArguments, kernels::GroupSlotsArguments, kernels::CombineSlotsArguments,
                 kernels::MatvecColumnsArguments, kernels::MatmulFewArguments>;

/// Gathers a step's launches and submits them together: as a graph when the same launches, argument by argument, come a second time, and by
/// replaying that graph from then on. Decode steps differ only in device memory (token, position, sequence), so all but the first two
/// replay.
class StepGraph {
 public:
  StepGraph(kernels::Stream& stream, int sm_count, bool graphs) : stream_(stream), sm_count_(sm_count), graphs_(graphs) {}

  /// The step that begins: whether steps like it are likely to come again.
  void begin(bool repeats) { repeats_ = repeats; }
  void add(const Operation& operation) { pending_.push_back(operation); }
  /// Submits what was added. Whoever frees or moves memory that an operation names calls it first.
  void submit();

  std::int64_t replays() const noexcept { return replays_; }

 private:
  void launch_pending();

  kernels::Stream& stream_;
  int sm_count_;
  bool graphs_;
  bool repeats_ = true;
  std::vector<Operation> pending_, previous_, captured_;
  kernels::Graph graph_;
  std::int64_t replays_ = 0;
};

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
