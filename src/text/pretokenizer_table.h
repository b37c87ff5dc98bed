#pragma once

#include <span>
#include <string_view>

namespace qbench::text {

/// What a GGUF means by a name in tokenizer.ggml.pre: the file states no patterns.
struct NamedPreTokenizer {
  std::string_view name;
  std::span<const std::string_view> patterns;  ///< applied one after the other, each isolating its matches; Oniguruma's syntax
  bool nfc = false;                            ///< normalised first
  bool ignore_merges = false;
  bool add_bos = false;  ///< unless tokenizer.ggml.add_bos_token says otherwise
};

/// nullptr when the name is not known. Source of names, patterns and flags: llama.cpp, src/llama-vocab.cpp; where the checkpoint's own
/// tokenizer.json is at hand (qwen2), what that says: its pattern, and the NFC that llama.cpp leaves out.
const NamedPreTokenizer* find_pre_tokenizer(std::string_view name) noexcept;

/// The names, for messages.
std::span<const NamedPreTokenizer> known_pre_tokenizers() noexcept;

}  // namespace qbench::text
