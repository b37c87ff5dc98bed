#pragma once

#include <cstdint>

#include "kernels/cuda/matvec.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Columns that a prepared row has: cols, padded with zeros to whole tiles of the product.
constexpr std::int64_t prepared_cols(std::int64_t cols) { return (cols + 63) / 64 * 64; }

/// h[t] = bf16(x[x_rows[t]]), or of its RMS norm times `norm`: the tensor cores' operand. Finite numbers beyond float16's range become its
/// largest.
struct PrepareRowsArguments {
  const float* x;              // (any, cols)
  const std::int32_t* x_rows;  // (tokens) rows of x, or nullptr: 0, 1, ...
  const float* norm;           // (cols) or nullptr
  float rms_eps;
  std::int32_t tokens, cols;
  unsigned short* h;  // (tokens, prepared_cols(cols))
  bool f16;           ///< float16 instead of bfloat16
  bool programmatic;

  bool operator==(const PrepareRowsArguments&) const = default;
};
constexpr Cost prepare_rows_cost(const PrepareRowsArguments& a) {
  const std::int64_t tokens = a.tokens;
  return {static_cast<std::uint64_t>(tokens * (4LL * a.cols + 2 * prepared_cols(a.cols))), static_cast<std::uint64_t>(tokens * 4 * a.cols)};
}
void prepare_rows(const PrepareRowsArguments& a, Stream& stream);

/// Rows of grouped activations that one expert multiplies: grouped rows [first, first + rows), rows <= MatmulGroups::tile_rows.
struct ExpertTile {
  std::int32_t expert, first, rows;
};
constexpr std::int32_t kMatmulTokens = 128;  ///< of a tile of matmul

/// Where the matrices of a grouped product lie: that of expert e starts at data[stride e], pointers to rows of MatmulArguments::w's form.
struct MatmulGroups {
  const ExpertTile* tiles = nullptr;    // (*count), at most `most`
  const std::int32_t* count = nullptr;  // (1), on the device
  const unsigned char* const* data = nullptr;
  std::int32_t stride = 0;  ///< pointers from one expert's to the next one's
  std::int32_t most = 0;
  std::int32_t tile_rows = kMatmulTokens;  ///< 128 for matmul; 16, 32 or 64 for matmul_few
  const std::int32_t* h_rows = nullptr;    // (grouped rows) row of h, or nullptr: the same

  bool operator==(const MatmulGroups&) const = default;
};

/// y[t, r] = (or +=) sum_c w[r, c] h[t, c] on tensor cores, summed in float32. Weights are BF16, F16 (then h is, too) or of a quantised
/// type, which is dequantised and rounded to BF16 on the way.
struct MatmulArguments {
  WeightRows w;
  std::int32_t rows, tokens;
  const unsigned short* h;  // (tokens, prepared_cols(cols))
  float* y;                 // (tokens, y_stride); the matrix's rows start at y
  std::int64_t y_stride;
  bool accumulate;
  bool programmatic;
  MatmulGroups groups;      ///< tiles != nullptr: t counts grouped rows, w.data is not used
  std::int32_t stages = 3;  ///< matmul_stages, of matmul alone

  bool operator==(const MatmulArguments&) const = default;
};
constexpr std::int64_t kMatmulStageBytes = 2LL * (128 + 128) * 72;  ///< shared memory of a tile of both operands
/// Tiles that matmul keeps on their way where a launch may ask for so much shared memory: 3 (108 KB) or 2.
constexpr std::int32_t matmul_stages(std::int64_t shared_bytes) { return 3 * kMatmulStageBytes <= shared_bytes ? 3 : 2; }
/// Grouped: of as many experts as the slots can choose.
constexpr Cost matmul_cost(const MatmulArguments& a) {
  const auto matrices = static_cast<std::uint64_t>(a.groups.tiles == nullptr ? 1 : a.groups.most - a.tokens / a.groups.tile_rows);
  const auto rows = static_cast<std::uint64_t>(a.rows);
  const auto cols = static_cast<std::uint64_t>(a.w.cols);
  const auto tokens = static_cast<std::uint64_t>(a.tokens);
  return {matrices * rows * static_cast<std::uint64_t>(a.w.row_bytes) + tokens * (2 * cols + 4 * rows * (a.accumulate ? 2 : 1)),
          2 * rows * cols * tokens};
}
/// Whether tensor cores do this type: all but F32, which 16 bits would round.
constexpr bool matmul_reads(tensor::DType dtype) noexcept { return dtype != tensor::DType::kF32; }
void matmul(const MatmulArguments& a, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
