#pragma once

#include <cstdint>

#include "kernels/cuda/matvec.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Logits = router rmsnorm(x) * norm; float32 softmax over all experts; the `used` largest, ties to the lower index, largest first, NaN
/// last; their weights divided by their sum where `renormalize`. Source: transformers, Qwen3MoeTopKRouter.
struct RouterArguments {
  WeightRows router;
  std::int32_t experts, used, tokens;
  bool renormalize;
  const float* x;     // (tokens, cols)
  const float* norm;  // (cols)
  float rms_eps;
  float* logits;      // (tokens, experts) workspace; probabilities afterwards
  unsigned* tickets;  // (tokens), zero before and after
  std::int32_t* ids;  // (tokens, used)
  float* weights;     // (tokens, used)
  bool programmatic;
  bool operator==(const RouterArguments&) const = default;
};
constexpr Cost router_cost(const RouterArguments& a) {
  const auto experts = static_cast<std::uint64_t>(a.experts);
  const auto cols = static_cast<std::uint64_t>(a.router.cols);
  const auto tokens = static_cast<std::uint64_t>(a.tokens);
  return {experts * static_cast<std::uint64_t>(a.router.row_bytes) + tokens * (4 * cols + 8 * static_cast<std::uint64_t>(a.used)),
          2 * experts * cols * tokens};
}
/// Requires experts <= kMostExperts.
void router(const RouterArguments& a, int sm_count, Stream& stream);
constexpr std::int32_t kMostExperts = 1024;

/// The router's second half alone, for many tokens, whose logits one product of the matrix has made: matvec_columns reads its rows once for
/// eight tokens, router for each of them.
struct ChooseExpertsArguments {
  RouterArguments router;  ///< logits are there; router, x, norm and tickets are not used

  bool operator==(const ChooseExpertsArguments&) const = default;
};
constexpr Cost choose_experts_cost(const ChooseExpertsArguments& a) {
  const auto tokens = static_cast<std::uint64_t>(a.router.tokens);
  return {tokens * (4 * static_cast<std::uint64_t>(a.router.experts) + 8 * static_cast<std::uint64_t>(a.router.used)),
          tokens * 4 * static_cast<std::uint64_t>(a.router.experts)};
}
void choose_experts(const ChooseExpertsArguments& a, Stream& stream);

/// Where one expert's rows lie. All experts of a layer have one type and shape.
struct ExpertPointers {
  const unsigned char* gate;  // (ffn, hidden)
  const unsigned char* up;    // (ffn, hidden)
  const unsigned char* down;  // (hidden, ffn)
};

/// middle[t, s] = silu(gate_e h) * (up_e h), e = ids[t, s], h = rmsnorm(x[t]) * norm.
struct ExpertGateUpArguments {
  WeightRows gate, up;            ///< form of the rows; data is not used
  const ExpertPointers* experts;  // (experts)
  const std::int32_t* ids;        // (tokens, used)
  std::int32_t used, tokens, ffn;
  const float* x;     // (tokens, hidden)
  const float* norm;  // (hidden)
  float rms_eps;
  float* middle;  // (tokens, used, ffn)
  bool programmatic;
  bool operator==(const ExpertGateUpArguments&) const = default;
};
/// Of a step whose slots choose different experts.
constexpr Cost expert_gate_up_cost(const ExpertGateUpArguments& a) {
  const auto rows = static_cast<std::uint64_t>(a.ffn) * static_cast<std::uint64_t>(a.used) * static_cast<std::uint64_t>(a.tokens);
  return {rows * static_cast<std::uint64_t>(a.gate.row_bytes + a.up.row_bytes) +
              4 * (rows + static_cast<std::uint64_t>(a.tokens) * static_cast<std::uint64_t>(a.gate.cols)),
          4 * rows * static_cast<std::uint64_t>(a.gate.cols)};
}
void expert_gate_up(const ExpertGateUpArguments& a, int sm_count, Stream& stream);

/// x[t] += sum over s of weights[t, s] * down_e middle[t, s], e = ids[t, s], in the order of s.
struct ExpertDownArguments {
  WeightRows down;                ///< form of the rows; data is not used
  const ExpertPointers* experts;  // (experts)
  const std::int32_t* ids;        // (tokens, used)
  const float* weights;           // (tokens, used)
  std::int32_t used, tokens, hidden;
  const float* middle;  // (tokens, used, ffn)
  float* x;             // (tokens, hidden)
  bool programmatic;
  bool operator==(const ExpertDownArguments&) const = default;
};
constexpr Cost expert_down_cost(const ExpertDownArguments& a) {
  const auto slots = static_cast<std::uint64_t>(a.used) * static_cast<std::uint64_t>(a.tokens);
  const auto hidden = static_cast<std::uint64_t>(a.hidden);
  const auto ffn = static_cast<std::uint64_t>(a.down.cols);
  return {slots * (hidden * static_cast<std::uint64_t>(a.down.row_bytes) + 4 * ffn) + 8 * hidden * static_cast<std::uint64_t>(a.tokens),
          2 * slots * hidden * ffn};
}
/// Requires used * staged_bytes(down) <= shared_limit.
void expert_down(const ExpertDownArguments& a, int sm_count, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
