#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/model_file.h"

namespace qbench::formats {

/// What a stored number is: of a type that the decoder takes (TensorEntry::dtype), or a part of a quantised checkpoint.
enum class StoredType { kFloat, kE4M3, kInt32 };

/// A tensor as it stands in the container. `dtype` has a meaning for kFloat only.
struct StoredTensor : TensorEntry {
  StoredType stored = StoredType::kFloat;
};
/// "F32", "F8_E4M3", ... as in the container.
std::string_view stored_name(const StoredTensor& tensor) noexcept;

/// One safetensors container, every count and offset checked. Borrows the bytes it was parsed from.
struct SafetensorsFile {
  std::vector<StoredTensor> tensors;  ///< stored names, in order of their data
  std::span<const std::byte> header;  ///< length field and JSON
};

/// Parses a safetensors file (https://github.com/huggingface/safetensors#format): F32, F16, BF16, F8_E4M3 and I32 tensors that cover the data without
/// holes or overlap. Throws Error{kFormat} on anything that does not hold together, {kUnsupported} on other types.
SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::string& where);

}  // namespace qbench::formats
