#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/namespace.h"
#include "tensor/dtype.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// How a row of weights lies in device memory. The numbers are the file's, bit for bit; only their order changes, at load, so that a lane
/// reads 16 aligned bytes: a row is a run of planes, each starting at a multiple of 16 bytes.
///   F32, F16, BF16   plane 0: the numbers, padded with zeros to a multiple of 8
///   FP8, FP8_BLOCK   E4M3 codes | float32 scale of the row 4, or of each 128 numbers
///   all others       in blocks of 32 numbers; nibble plane: byte j of a block's 16 holds element j low and element j + 16 high
///   Q4_0, IQ4_NL     nibbles 16 | f16 d 2
///   Q4_1             nibbles 16 | f16 d, m 4
///   Q5_0, Q5_1       nibbles 16 | fifth bits 4: bit k of byte i belongs to element 4 k + i | d 2 or d, m 4
///   Q8_0             elements 0..15 | elements 16..31 | f16 d 2
///   Q4_K             nibbles 16 | header of the file, d dmin scales[12], 16 for each 256
///   Q5_K             nibbles 16 | fifth bits 4 | header 16 for each 256
///   Q6_K             nibbles 16 | upper two bits 8: bits 2f, 2f + 1 of byte i of word h belong to element 16 h + 4 f + i | 2 int8 scales |
///                    f16 d 2 for each 256
///   INT8             elements 0..15 | elements 16..31 | float32 scale of the row 4
///   INT4             nibbles 16 | f16 d, zero, 0: 4 for each 128
/// (figures: bytes of a block). Source of the file's layouts: tensor/blocks.h.
struct WeightLayout {
  tensor::DType dtype = tensor::DType::kF32;
  std::int64_t cols = 0;
  std::int64_t row_bytes = 0;  ///< a multiple of 16
  std::int32_t plane[4] = {};  ///< byte offsets of the planes in a row
};

/// A matrix in device memory as the kernels take it.
struct WeightRows {
  const unsigned char* data = nullptr;  // (rows, row_bytes)
  std::int64_t row_bytes = 0;
  std::int32_t plane1 = 0, plane2 = 0, plane3 = 0;
  std::int32_t cols = 0;
  tensor::DType dtype = tensor::DType::kF32;
  bool operator==(const WeightRows&) const = default;
};

/// Whether the kernels read this type.
bool device_reads(tensor::DType dtype) noexcept;
/// Whether activations are quantised to int8 for this type.
constexpr bool reads_int8(tensor::DType dtype) noexcept {
  return dtype != tensor::DType::kF32 && dtype != tensor::DType::kF16 && dtype != tensor::DType::kBF16 && dtype != tensor::DType::kFP8 &&
         dtype != tensor::DType::kFP8Block;
}
constexpr bool is_fp8(tensor::DType dtype) noexcept { return dtype == tensor::DType::kFP8 || dtype == tensor::DType::kFP8Block; }
/// Whether tensor cores get a type's numbers by decoding them to BF16.
constexpr bool is_decoded(tensor::DType dtype) noexcept { return reads_int8(dtype) || is_fp8(dtype); }
/// Numbers of a unit, which is what a lane takes at a time: 16 bytes of a float type but F32, a block of 32 of the others.
constexpr int unit_numbers(tensor::DType dtype) noexcept { return reads_int8(dtype) ? 32 : is_fp8(dtype) ? 16 : 8; }

/// Requires device_reads(dtype) and cols % block_elements == 0.
WeightLayout weight_layout(tensor::DType dtype, std::int64_t cols);

/// One row from the file's form to the device's. from: row_bytes(dtype, cols) bytes at any address; to: layout.row_bytes bytes, all
/// written.
void pack_row(const WeightLayout& layout, const std::byte* from, std::byte* to);

WeightRows weight_rows(const WeightLayout& layout, const void* data);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
