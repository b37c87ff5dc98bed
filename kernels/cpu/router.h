#pragma once

#include <cstdint>

#include "kernels/cpu/elementwise.h"

namespace qbench::kernels::cpu {

/// The experts of one token: softmax over all logits in float32, then the `used` largest, ties to the lower index, largest first; where
/// `renormalize`, their weights are divided by their sum. Logits that are NaN are chosen last.
///   logits (experts): turned into probabilities in place; expert_ids, weights (used). Requires 0 < used <= experts.
/// Source: transformers, Qwen3MoeTopKRouter.
void route_token(const ElementwiseKernels& kernels, float* logits, std::int64_t experts, std::int64_t used, bool renormalize,
                 std::int32_t* expert_ids, float* weights);

}  // namespace qbench::kernels::cpu
