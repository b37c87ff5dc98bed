#pragma once

#include <memory>

#include "kernels/cpu/matmul.h"
#include "kernels/cpu/matmul_layout.h"

namespace qbench::kernels::cpu {

/// Whether a type is kept as its rows come and dequantised on the way into every product: those that no kernel of this processor reads.
bool is_dequantised(tensor::DType dtype) noexcept;

/// Rows kept byte for byte; a tile of 16 rows by 1024 columns at a time becomes float32 and goes through `f32`, the kernel for F32 weights. A
/// product costs several times that of a type with kernels of its own.
std::unique_ptr<PackedMatrix> dequantised_matrix(const tensor::RowSource& source, MultiplyFunction f32, const ParallelFor& parallel);

}  // namespace qbench::kernels::cpu
