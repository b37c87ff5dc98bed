#pragma once

#include <cstdint>

#include "kernels/cuda/matmul.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Rows of a quantised matrix as BF16: to[r, c] = bf16(w[r, c]), zero from column cols on.
struct DequantiseArguments {
  WeightRows w;  ///< starts at the first row
  std::int32_t rows;
  unsigned short* to;  // (rows, prepared_cols(cols))
  bool programmatic;

  bool operator==(const DequantiseArguments&) const = default;
};
constexpr Cost dequantise_cost(const DequantiseArguments& a) {
  return {static_cast<std::uint64_t>(a.rows) * static_cast<std::uint64_t>(a.w.row_bytes + 2 * prepared_cols(a.w.cols)),
          2 * static_cast<std::uint64_t>(a.rows) * static_cast<std::uint64_t>(a.w.cols)};
}
/// Requires is_decoded(w.dtype).
void dequantise(const DequantiseArguments& a, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
