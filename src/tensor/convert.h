#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"
#include "tensor/float_formats.h"

namespace qbench::tensor {

/// The scalar definition of every storage type, which all kernels and tests refer to; the 16-bit floats stand in float_formats.h.

/// from: `elements` numbers of `dtype`; to: (elements) float32. Requires elements % block_elements == 0.
/// Source of the layouts: ggml-common.h and ggml-quants.c of ggml.
void dequantize_row(DType dtype, const std::byte* from, float* to, std::int64_t elements);

/// Columns [first, first + elements) of a row of `cols` numbers; both are multiples of block_elements.
void dequantize_part(DType dtype, const std::byte* row, std::int64_t cols, std::int64_t first, float* to, std::int64_t elements);

/// from: (elements) float32; to: row_bytes(dtype, elements) bytes, rounded as ggml's reference quantisers do.
/// kInt8: scale max|x| / 127 of the row, codes to nearest even; kFP8: scale max|x| / 448, codes to the nearest E4M3, both as if infinities
/// were 2^127 and NaN zero.
/// For kF32, kF16, kBF16, kQ8_0, kQ4_0, kInt8 and kFP8; anything else is QB_CHECK.
void quantize_row(DType dtype, const float* from, std::byte* to, std::int64_t elements);
bool can_quantize(DType dtype) noexcept;

/// Draws one row of synthetic weights straight in its storage type: normal with standard deviation `deviation`, never constant; a function of
/// (seed, tensor_id, row) only. K types and kInt4 are drawn as blocks whose dequantised values have that deviation.
void draw_row(DType dtype, std::uint64_t seed, std::uint64_t tensor_id, std::int64_t row, double deviation, std::byte* to, std::int64_t elements);

}  // namespace qbench::tensor
