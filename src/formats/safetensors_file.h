#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "formats/model_file.h"

namespace qbench::formats {

/// One safetensors container, every count and offset checked. Borrows the bytes it was parsed from.
struct SafetensorsFile {
  std::vector<TensorEntry> tensors;   ///< stored names, in order of their data
  std::span<const std::byte> header;  ///< length field and JSON
};

/// Parses a safetensors file (https://github.com/huggingface/safetensors#format): F32, F16 and BF16 tensors that cover the data without
/// holes or overlap. Throws Error{kFormat} on anything that does not hold together, {kUnsupported} on other types.
SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::string& where);

}  // namespace qbench::formats
