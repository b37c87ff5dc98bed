#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <variant>
#include <vector>

#include "kernels/cuda/attention_decode.h"
#include "kernels/cuda/attention_materialised.h"
#include "kernels/cuda/attention_prefill.h"
#include "kernels/cuda/blas.h"
#include "kernels/cuda/dequantise.h"
#include "kernels/cuda/expert_groups.h"
#include "kernels/cuda/experts.h"
#include "kernels/cuda/matmul_few.h"
#include "kernels/cuda/matvec.h"
#include "kernels/cuda/matvec_columns.h"
#include "kernels/cuda/qkv.h"
#include "kernels/cuda/sampling.h"
#include "kernels/cuda/runtime.h"
#include "kernels/cuda/unfused.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {

namespace kernels = qbench::kernels::QB_CUDA_NAMESPACE;

/// One launch by its arguments.
using Operation =
    std::variant<kernels::EmbedArguments, kernels::QkvArguments, kernels::AttentionArguments, kernels::AttentionPrefillArguments,
                 kernels::MatvecArguments, kernels::GateUpArguments, kernels::SiluMulArguments, kernels::RouterArguments, kernels::ChooseExpertsArguments,
                 kernels::ExpertGateUpArguments, kernels::ExpertDownArguments, kernels::PrepareRowsArguments, kernels::MatmulArguments,
                 kernels::QkvFinishArguments, kernels::GroupSlotsArguments, kernels::CombineSlotsArguments,
                 kernels::MatvecColumnsArguments, kernels::MatmulFewArguments, kernels::BlasArguments, kernels::DequantiseArguments, kernels::AttentionScoresArguments,
                 kernels::AttentionSoftmaxArguments, kernels::AttentionValuesArguments, kernels::RmsNormArguments, kernels::AddBiasArguments,
                 kernels::NormHeadsArguments, kernels::RotateHeadsArguments, kernels::PickArguments>;

/// Gathers a step's launches and submits them together: as a graph when the same launches, argument by argument, come a second time, and by
/// replaying that graph from then on. Decode steps differ only in device memory (token, position, sequence), so all but the first two
/// replay. Steps that the device feeds and steps that the host feeds keep a graph each, since prompts come between.
class StepGraph {
 public:
  StepGraph(kernels::Stream& stream, int sm_count, bool graphs) : stream_(stream), sm_count_(sm_count), graphs_(graphs) {}

  /// The step that begins: whether steps like it are likely to come again, and whether the device feeds it.
  void begin(bool repeats, bool fed = false) {
    repeats_ = repeats;
    fed_ = fed;
    submits_ = 0;
  }
  void add(const Operation& operation) {
    pending_.push_back(operation);
    if (on_add_) on_add_(operation);
  }
  /// Called with each operation that is added; empty ends it.
  void on_add(std::function<void(const Operation&)> listener) { on_add_ = std::move(listener); }
  /// Whether steps may replay; `pause` forbids it until it is lifted.
  void set_graphs(bool graphs) { graphs_ = graphs; }
  void pause(bool paused) { paused_ = paused; }
  /// Submits what was added. Whoever frees or moves memory that an operation names calls it first.
  void submit();

  /// Submits the step before once more. False when that was not one submission: it must be gathered again.
  bool repeat();

  /// What was submitted since the last call.
  struct Ran {
    bool replayed = false;  ///< something as a graph
    bool unpaused = false;  ///< something while not paused
  };
  Ran take_ran() noexcept { return std::exchange(ran_, {}); }

  std::int64_t replays() const noexcept { return replays_; }
  std::int64_t captures() const noexcept { return captures_; }

 private:
  /// The launches of the last step of a kind, and the graph of the last that repeated.
  struct Track {
    std::vector<Operation> previous, captured;
    kernels::Graph graph;
  };
  void launch(const std::vector<Operation>& operations);
  void replay(Track& own);
  Track& track() noexcept { return tracks_[fed_ ? 1 : 0]; }

  kernels::Stream& stream_;
  int sm_count_;
  bool graphs_;
  bool paused_ = false;
  std::function<void(const Operation&)> on_add_;
  bool repeats_ = true;
  bool fed_ = false;
  int submits_ = 0;       ///< since begin()
  bool replays_next_ = false;  ///< the last submission is what the track's graph holds
  std::vector<Operation> pending_;
  Track tracks_[2];
  Ran ran_;
  std::int64_t replays_ = 0;
  std::int64_t captures_ = 0;
};

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
