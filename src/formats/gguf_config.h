#pragma once

#include <string>

#include "formats/gguf_file.h"
#include "formats/model_config.h"

namespace qbench::formats {

/// What a GGUF's metadata says about the decoder. Fields that only the tensors tell (vocab, tied_head, layer_is_dense) are filled in by
/// the caller. Throws Error{kFormat} on absent or absurd keys, {kUnsupported} on architectures and RoPE variants this build does not
/// compute.
ModelConfig read_gguf_config(const GgufMetadata& metadata);

/// general.file_type as the word used in --precision and result rows ("q4_k_m"); empty when absent or unknown.
std::string gguf_file_type_name(const GgufMetadata& metadata);

}  // namespace qbench::formats
