#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace qbench::tensor {

/// How the numbers of a tensor are stored. Block types pack `block_elements` consecutive numbers of one row. The last four are not GGUF's:
/// kInt8 and kFP8 (E4M3) have one float32 scale a row, behind its codes; kFP8Block and kInt4 are what FP8, AWQ and GPTQ checkpoints hold, one
/// scale for 128 numbers (blocks.h).
enum class DType {
  kF32, kF16, kBF16,
  kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0,
  kQ2_K, kQ3_K, kQ4_K, kQ5_K, kQ6_K,
  kIQ4_NL, kIQ4_XS,
  kInt8, kFP8, kFP8Block, kInt4,
};

struct DTypeInfo {
  DType dtype;
  std::string_view name;       ///< "f32", "q4_k", ...: lower case, as in --precision and in result rows
  std::uint32_t ggml_id;       ///< id in GGUF tensor infos (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), or kNoGgmlId
  std::int64_t block_elements; ///< 1, 32, 128 or 256
  std::int64_t block_bytes;
  std::int64_t row_extra_bytes = 0; ///< behind the blocks of every row: its scale
};

/// Stands where GGUF has no such type.
inline constexpr std::uint32_t kNoGgmlId = 0xffffffffu;

/// All types, in enum order.
std::span<const DTypeInfo> all_dtypes() noexcept;
const DTypeInfo& info(DType dtype) noexcept;
std::string_view name_of(DType dtype) noexcept;
std::optional<DType> dtype_from_ggml_id(std::uint32_t id) noexcept;
std::optional<DType> dtype_from_name(std::string_view name) noexcept;

/// Bytes of one row of `elements` numbers, its scale included. Requires elements % block_elements == 0 (QB_CHECK).
std::int64_t row_bytes(DType dtype, std::int64_t elements);

}  // namespace qbench::tensor
