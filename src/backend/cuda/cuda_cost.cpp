#include "backend/cuda/cuda_cost.h"

#include <algorithm>

#include "backend/cuda/cuda_backend_impl.h"
#include "backend/kv_visible.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {
namespace {

struct Coster {
  const CudaBatch& batch;

  /// What the tokens see in all; sinks and outer as in AttentionArguments.
  std::int64_t pairs(std::int32_t window, std::int32_t sinks = 0, std::int32_t outer = 0) const {
    std::int64_t pairs = 0;
    for (const std::int32_t position : batch.positions) {
      const auto first_of = [position](std::int32_t w) { return w > 0 ? std::max<std::int64_t>(0, std::int64_t{position} - w + 1) : 0; };
      const std::int64_t first = first_of(window);
      pairs += position + 1 - first + std::max<std::int64_t>(0, std::min<std::int64_t>(sinks, first) - first_of(outer));
    }
    return pairs;
  }

  /// Of them each position once.
  std::int64_t seen(std::int32_t window, std::int32_t sinks = 0, std::int32_t outer = 0) const {
    KvReach reach;
    reach.window = window;
    reach.sinks = sinks;
    reach.outer = outer;
    return visible_positions(reach, batch.positions, batch.sequences);
  }

  kernels::Cost operator()(const kernels::EmbedArguments& a) const { return kernels::embed_cost(a); }
  kernels::Cost operator()(const kernels::QkvArguments& a) const { return kernels::qkv_cost(a); }
  kernels::Cost operator()(const kernels::AttentionArguments& a) const {
    return kernels::attention_decode_cost(a, seen(a.window, a.sinks, a.outer), pairs(a.window, a.sinks, a.outer));
  }
  kernels::Cost operator()(const kernels::AttentionPrefillArguments& a) const {
    return kernels::attention_prefill_cost(a, batch.tokens(), seen(a.window, a.sinks, a.outer), pairs(a.window, a.sinks, a.outer));
  }
  kernels::Cost operator()(const kernels::AttentionScoresArguments& a) const {
    return kernels::attention_scores_cost(a, seen(a.attention.window), pairs(a.attention.window));
  }
  kernels::Cost operator()(const kernels::AttentionSoftmaxArguments& a) const {
    return kernels::attention_softmax_cost(a, pairs(a.attention.window));
  }
  kernels::Cost operator()(const kernels::AttentionValuesArguments& a) const {
    return kernels::attention_values_cost(a, seen(a.attention.window), pairs(a.attention.window));
  }
  kernels::Cost operator()(const kernels::MatvecArguments& a) const { return kernels::matvec_cost(a); }
  kernels::Cost operator()(const kernels::MatvecColumnsArguments& a) const { return kernels::matvec_cost(a.matvec); }
  kernels::Cost operator()(const kernels::GateUpArguments& a) const { return kernels::gate_up_cost(a); }
  kernels::Cost operator()(const kernels::SiluMulArguments& a) const { return kernels::silu_mul_cost(a); }
  kernels::Cost operator()(const kernels::RouterArguments& a) const { return kernels::router_cost(a); }
  kernels::Cost operator()(const kernels::ChooseExpertsArguments& a) const { return kernels::choose_experts_cost(a); }
  kernels::Cost operator()(const kernels::ExpertGateUpArguments& a) const { return kernels::expert_gate_up_cost(a); }
  kernels::Cost operator()(const kernels::ExpertDownArguments& a) const { return kernels::expert_down_cost(a); }
  kernels::Cost operator()(const kernels::PrepareRowsArguments& a) const { return kernels::prepare_rows_cost(a); }
  kernels::Cost operator()(const kernels::MatmulArguments& a) const { return kernels::matmul_cost(a); }
  kernels::Cost operator()(const kernels::MatmulFewArguments& a) const { return kernels::matmul_few_cost(a); }
  kernels::Cost operator()(const kernels::BlasArguments& a) const { return kernels::blas_cost(a); }
  kernels::Cost operator()(const kernels::DequantiseArguments& a) const { return kernels::dequantise_cost(a); }
  kernels::Cost operator()(const kernels::PickArguments& a) const { return kernels::pick_cost(a); }
  kernels::Cost operator()(const kernels::QkvFinishArguments& a) const { return kernels::qkv_finish_cost(a); }
  kernels::Cost operator()(const kernels::GroupSlotsArguments& a) const { return kernels::group_slots_cost(a); }
  kernels::Cost operator()(const kernels::CombineSlotsArguments& a) const { return kernels::combine_slots_cost(a); }
  kernels::Cost operator()(const kernels::RmsNormArguments& a) const { return kernels::rms_norm_cost(a); }
  kernels::Cost operator()(const kernels::AddBiasArguments& a) const { return kernels::add_bias_cost(a); }
  kernels::Cost operator()(const kernels::NormHeadsArguments& a) const { return kernels::norm_heads_cost(a); }
  kernels::Cost operator()(const kernels::RotateHeadsArguments& a) const { return kernels::rotate_heads_cost(a); }
};

}  // namespace

void add_cost(const Operation& operation, const CudaBatch& batch, StepCost& into) {
  const kernels::Cost cost = std::visit(Coster{batch}, operation);
  into.bytes += cost.bytes;
  into.flops += cost.flops;
  ++into.launches;
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
