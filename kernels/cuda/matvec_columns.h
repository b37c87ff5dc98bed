#pragma once

#include "kernels/cuda/matvec.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// As matvec, for a few tokens at once: each weight is read once for up to 8 of them. Its cost is matvec_cost.
struct MatvecColumnsArguments {
  MatvecArguments matvec;
  std::int32_t columns;  ///< matvec_columns_of, 4 or 8

  bool operator==(const MatvecColumnsArguments&) const = default;
};
/// Tokens that one launch's blocks take together: 8 or 4 where their activations fit in shared memory side by side, else 1 (use matvec).
/// shared_bytes: shared_limit of the device.
constexpr std::int32_t matvec_columns_of(const WeightRows& w, std::int64_t tokens, std::int64_t shared_bytes) {
  if (tokens > 4 && 8 * staged_bytes(w) <= shared_bytes) return 8;
  return tokens > 1 && 4 * staged_bytes(w) <= shared_bytes ? 4 : 1;
}
void matvec_columns(const MatvecColumnsArguments& a, int sm_count, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
