#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/matmul_layout.h"
#include "tensor/dtype.h"

namespace qbench::kernels::cpu {

/// Sizes of a packed matrix (matmul_layout.h), in bytes; rows are padded to whole tiles.
struct PackedSizes {
  std::uint64_t quants, scales, supers;
};
PackedSizes packed_sizes(tensor::DType dtype, std::int64_t rows, std::int64_t cols);

/// Where pack_tile writes.
struct PackedTarget {
  std::uint8_t *quants, *scales, *supers;
};

/// Packs one tile. rows: `count` (1..16) rows of the type one behind the other; missing rows of the tile keep what the target holds (zeros).
void pack_tile(tensor::DType dtype, const std::byte* rows, std::int64_t count, std::int64_t cols, std::int64_t tile, const PackedTarget& to);

/// The inverse: row `row` as float32, bit for bit as tensor::dequantize_row gives it for the original bytes.
void unpack_row(tensor::DType dtype, const PackedView& from, std::int64_t row, float* to);

}  // namespace qbench::kernels::cpu
