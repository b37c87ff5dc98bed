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

/// from: (elements) float32; to: row_bytes(dtype, elements) bytes, rounded as ggml's reference quantisers do.
/// For kF32, kF16, kBF16, kQ8_0 and kQ4_0; anything else is QB_CHECK.
void quantize_row(DType dtype, const float* from, std::byte* to, std::int64_t elements);
bool can_quantize(DType dtype) noexcept;

/// Draws one row of synthetic weights straight in its storage type: normal with standard deviation `deviation`, never constant; a function of
/// (seed, tensor_id, row) only. K types are drawn as blocks whose dequantised values have that deviation.
void draw_row(DType dtype, std::uint64_t seed, std::uint64_t tensor_id, std::int64_t row, double deviation, std::byte* to, std::int64_t elements);

}  // namespace qbench::tensor
