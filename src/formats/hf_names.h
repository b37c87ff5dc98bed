#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qbench::formats {

/// Neutral name of a tensor of a Hugging Face checkpoint (llama, qwen2, qwen3, qwen3_moe, phi3); nothing when it is none of theirs.
/// transformers 5's fused experts keep a name of their own: blk.N.experts.gate_up, blk.N.experts.down.
std::optional<std::string> neutral_from_hf(std::string_view name);

/// The inverse, for messages.
std::string hf_from_neutral(std::string_view neutral);

/// Buffers that old checkpoints store and nothing needs: rotary inverse frequencies.
bool is_ignorable_hf_tensor(std::string_view name);

}  // namespace qbench::formats
