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
  void operator()(const kernels::ExpertGateUpArguments& a) const { kernels::expert_gate_up(a, sm_count, stream); }
  void operator()(const kernels::ExpertDownArguments& a) const { kernels::expert_down(a, sm_count, stream); }
  void operator()(const kernels::PrepareRowsArguments& a) const { kernels::prepare_rows(a, stream); }
  void operator()(const kernels::MatmulArguments& a) const { kernels::matmul(a, stream); }
  void operator()(const kernels::MatmulFewArguments& a) const { kernels::matmul_few(a, sm_count, stream); }
  void operator()(const kernels::QkvFinishArguments& a) const { kernels::qkv_finish(a, stream); }
  void operator()(const kernels::GroupSlotsArguments& a) const { kernels::group_slots(a, stream); }
  void operator()(const kernels::CombineSlotsArguments& a) const { kernels::combine_slots(a, stream); }
};

}  // namespace

void StepGraph::launch_pending() {
  for (const Operation& operation : pending_) std::visit(Launcher{stream_, sm_count_}, operation);
}

void StepGraph::submit() {
  if (pending_.empty()) return;
  // Whatever fails below, a failed step is not submitted again.
  struct Clear {
    StepGraph& graph;
    ~Clear() {
      graph.previous_.swap(graph.pending_);
      graph.pending_.clear();
    }
  } clear{*this};
  if (!graphs_ || !repeats_ || pending_.size() < kFewestNodes) return launch_pending();
  if (pending_ == captured_) {
    graph_.launch(stream_);
    ++replays_;
    return;
  }
  if (pending_ != previous_) return launch_pending();
  captured_.clear();
  graph_ = kernels::Graph::capture(stream_, [this] { launch_pending(); });
  captured_ = pending_;
  graph_.launch(stream_);
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
