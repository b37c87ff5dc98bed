#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tensor/row_source.h"

namespace qbench::formats {

/// Where the parts of an INT4 matrix (out, in) lie, sizes checked. hf_quantization.h says how they are packed.
struct PackedInt4 {
  std::int64_t out, in;
  std::int64_t group_size;
  const std::byte* codes;
  const std::byte* zeros;
  const std::byte* scales;
  bool scales_are_bf16;  ///< else F16; those that F16 does not have are rounded to it
  bool awq;              ///< else GPTQ
  int zero_offset;       ///< added to a stored zero, modulo 16
};
/// Rows of kInt4. Requires in % 128 == 0, out % 8 == 0, group_size % 128 == 0.
std::unique_ptr<tensor::RowSource> int4_rows(const PackedInt4& matrix);

struct BlockScaledFP8 {
  std::int64_t out, in;
  const std::byte* codes;     // (out, in)
  const std::byte* scales;    // (out / 128, in / 128) rounded up
  tensor::DType scale_dtype;  ///< kF32, kF16 or kBF16
};
/// Rows of kFP8Block. Requires in % 128 == 0.
std::unique_ptr<tensor::RowSource> fp8_rows(const BlockScaledFP8& matrix);

}  // namespace qbench::formats
