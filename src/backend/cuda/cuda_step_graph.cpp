#include "backend/cuda/cuda_step_graph.h"

#include <utility>

namespace qbench::backend::QB_CUDA_NAMESPACE {
namespace {

/// A graph of fewer launches is not worth its own launch.
constexpr std::size_t kFewestNodes = 4;

struct Launcher {
  kernels::Stream& stream;
  int sm_count;
  void operator()(const kernels::EmbedArguments& a) const { kernels::embed(a, stream); }
  void operator()(const kernels::QkvArguments& a) const { kernels::qkv(a, sm_count, stream); }
  void operator()(const kernels::AttentionArguments& a) const { kernels::attention_decode(a, stream); }
  void operator()(const kernels::AttentionPrefillArguments& a) const { kernels::attention_prefill(a, stream); }
  void operator()(const kernels::MatvecArguments& a) const { kernels::matvec(a, sm_count, stream); }
  void operator()(const kernels::MatvecColumnsArguments& a) const { kernels::matvec_columns(a, sm_count, stream); }
  void operator()(const kernels::GateUpArguments& a) const { kernels::gate_up(a, sm_count, stream); }
  void operator()(const kernels::SiluMulArguments& a) const { kernels::silu_mul(a, stream); }
  void operator()(const kernels::RouterArguments& a) const { kernels::router(a, sm_count, stream); }
  void operator()(const kernels::ChooseExpertsArguments& a) const { kernels::choose_experts(a, stream); }
  void operator()(const kernels::ExpertGateUpArguments& a) const { kernels::expert_gate_up(a, sm_count, stream); }
  void operator()(const kernels::ExpertDownArguments& a) const { kernels::expert_down(a, sm_count, stream); }
  void operator()(const kernels::PrepareRowsArguments& a) const { kernels::prepare_rows(a, stream); }
  void operator()(const kernels::MatmulArguments& a) const { kernels::matmul(a, stream); }
  void operator()(const kernels::MatmulFewArguments& a) const { kernels::matmul_few(a, sm_count, stream); }
  void operator()(const kernels::BlasArguments& a) const { a.blas->multiply(a, stream); }
  void operator()(const kernels::DequantiseArguments& a) const { kernels::dequantise(a, stream); }
  void operator()(const kernels::QkvFinishArguments& a) const { kernels::qkv_finish(a, stream); }
  void operator()(const kernels::GroupSlotsArguments& a) const { kernels::group_slots(a, stream); }
  void operator()(const kernels::CombineSlotsArguments& a) const { kernels::combine_slots(a, stream); }
  void operator()(const kernels::PickArguments& a) const { kernels::pick(a, stream); }
  void operator()(const kernels::AttentionScoresArguments& a) const { kernels::attention_scores(a, stream); }
  void operator()(const kernels::AttentionSoftmaxArguments& a) const { kernels::attention_softmax(a, stream); }
  void operator()(const kernels::AttentionValuesArguments& a) const { kernels::attention_values(a, stream); }
  void operator()(const kernels::RmsNormArguments& a) const { kernels::rms_norm(a, stream); }
  void operator()(const kernels::AddBiasArguments& a) const { kernels::add_bias(a, stream); }
  void operator()(const kernels::NormHeadsArguments& a) const { kernels::norm_heads(a, stream); }
  void operator()(const kernels::RotateHeadsArguments& a) const { kernels::rotate_heads(a, stream); }
};

}  // namespace

void StepGraph::launch(const std::vector<Operation>& operations) {
  for (const Operation& operation : operations) std::visit(Launcher{stream_, sm_count_}, operation);
}

void StepGraph::replay(Track& own) {
  own.graph.launch(stream_);
  ran_.replayed = true;
}

void StepGraph::submit() {
  if (pending_.empty()) return;
  ++submits_;
  ran_.unpaused = ran_.unpaused || !paused_;
  replays_next_ = false;
  Track& own = track();
  const bool again = pending_ == own.previous;
  own.previous.swap(pending_);
  pending_.clear();  // first: whatever fails below, a failed step is not submitted again
  if (!graphs_ || paused_ || !repeats_ || own.previous.size() < kFewestNodes) return launch(own.previous);
  if (own.previous == own.captured) {
    replay(own);
    ++replays_;
    replays_next_ = true;
    return;
  }
  if (!again) return launch(own.previous);
  own.captured.clear();
  own.graph = kernels::Graph::capture(stream_, [&] { launch(own.previous); });
  ++captures_;
  own.captured = own.previous;
  replay(own);
  replays_next_ = true;
}

bool StepGraph::repeat() {
  if (submits_ != 1 || !pending_.empty()) return false;
  Track& own = track();
  if (replays_next_) {
    replay(own);
    ++replays_;
  } else if (graphs_ && !paused_ && repeats_) {
    pending_ = own.previous;
    submit();
    submits_ = 1;
  } else {
    launch(own.previous);
  }
  return true;
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
