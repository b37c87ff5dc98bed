#include "tensor/dtype.h"

#include <array>

#include "base/check.h"
#include "tensor/blocks.h"

namespace qbench::tensor {
namespace {

constexpr std::array<DTypeInfo, 19> kTypes{{
    {DType::kF32, "f32", 0, 1, 4},
    {DType::kF16, "f16", 1, 1, 2},
    {DType::kBF16, "bf16", 30, 1, 2},
    {DType::kQ4_0, "q4_0", 2, kSmallBlock, sizeof(BlockQ4_0)},
    {DType::kQ4_1, "q4_1", 3, kSmallBlock, sizeof(BlockQ4_1)},
    {DType::kQ5_0, "q5_0", 6, kSmallBlock, sizeof(BlockQ5_0)},
    {DType::kQ5_1, "q5_1", 7, kSmallBlock, sizeof(BlockQ5_1)},
    {DType::kQ8_0, "q8_0", 8, kSmallBlock, sizeof(BlockQ8_0)},
    {DType::kQ2_K, "q2_k", 10, kSuperBlock, sizeof(BlockQ2_K)},
    {DType::kQ3_K, "q3_k", 11, kSuperBlock, sizeof(BlockQ3_K)},
    {DType::kQ4_K, "q4_k", 12, kSuperBlock, sizeof(BlockQ4_K)},
    {DType::kQ5_K, "q5_k", 13, kSuperBlock, sizeof(BlockQ5_K)},
    {DType::kQ6_K, "q6_k", 14, kSuperBlock, sizeof(BlockQ6_K)},
    {DType::kIQ4_NL, "iq4_nl", 20, kSmallBlock, sizeof(BlockIQ4_NL)},
    {DType::kIQ4_XS, "iq4_xs", 23, kSuperBlock, sizeof(BlockIQ4_XS)},
    {DType::kInt8, "int8", kNoGgmlId, kSmallBlock, kSmallBlock, sizeof(float)},
    {DType::kFP8, "fp8", kNoGgmlId, kSmallBlock, kSmallBlock, sizeof(float)},
    {DType::kFP8Block, "fp8_block", kNoGgmlId, kGroup, sizeof(BlockFP8)},
    {DType::kInt4, "int4", kNoGgmlId, kGroup, sizeof(BlockInt4)},
}};

}  // namespace

std::span<const DTypeInfo> all_dtypes() noexcept { return kTypes; }

const DTypeInfo& info(DType dtype) noexcept {
  const auto index = static_cast<std::size_t>(dtype);
  QB_CHECK(index < kTypes.size() && kTypes[index].dtype == dtype);
  return kTypes[index];
}

std::string_view name_of(DType dtype) noexcept { return info(dtype).name; }

std::optional<DType> dtype_from_ggml_id(std::uint32_t id) noexcept {
  if (id == kNoGgmlId) return std::nullopt;
  for (const DTypeInfo& type : kTypes) {
    if (type.ggml_id == id) return type.dtype;
  }
  return std::nullopt;
}

std::optional<DType> dtype_from_name(std::string_view name) noexcept {
  for (const DTypeInfo& type : kTypes) {
    if (type.name == name) return type.dtype;
  }
  return std::nullopt;
}

std::int64_t row_bytes(DType dtype, std::int64_t elements) {
  const DTypeInfo& type = info(dtype);
  QB_CHECK(elements >= 0 && elements % type.block_elements == 0);
  return elements / type.block_elements * type.block_bytes + (elements > 0 ? type.row_extra_bytes : 0);
}

}  // namespace qbench::tensor
