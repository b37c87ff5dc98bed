#include "kernels/cpu/router.h"

namespace qbench::kernels::cpu {

void route_token(const ElementwiseKernels& kernels, float* logits, std::int64_t experts, std::int64_t used, bool renormalize,
                 std::int32_t* expert_ids, float* weights) {
  const float largest = kernels.max(logits, experts);
  for (std::int64_t e = 0; e < experts; ++e) logits[e] -= largest;
  kernels.exp(logits, experts);
  float total = 0.0F;
  for (std::int64_t e = 0; e < experts; ++e) total += logits[e];
  for (std::int64_t e = 0; e < experts; ++e) logits[e] /= total;

  // Insertion into a list of `used` entries: experts come in index order, so an equal one stays behind the earlier.
  std::int64_t count = 0;
  for (std::int64_t e = 0; e < experts; ++e) {
    const float p = logits[e];
    if (count == used && !(p > weights[used - 1])) continue;
    std::int64_t at = count < used ? count++ : used - 1;
    while (at > 0 && p > weights[at - 1]) {
      weights[at] = weights[at - 1];
      expert_ids[at] = expert_ids[at - 1];
      --at;
    }
    weights[at] = p;
    expert_ids[at] = static_cast<std::int32_t>(e);
  }
  if (!renormalize) return;
  float sum = 0.0F;
  for (std::int64_t i = 0; i < used; ++i) sum += weights[i];
  for (std::int64_t i = 0; i < used; ++i) weights[i] /= sum;
}

}  // namespace qbench::kernels::cpu
