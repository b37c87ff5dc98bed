#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qbench::formats {

/// What a checkpoint says about its text side, not yet interpreted. Either HF files or GGUF keys.
struct TokenizerSource {
  enum class Kind { kNone, kHuggingFace, kGguf };
  Kind kind = Kind::kNone;
  std::string where;                        ///< file or folder, for messages

  // kHuggingFace: file contents, empty when the file is not there.
  std::string tokenizer_json;
  std::string tokenizer_config_json;

  // kGguf: the keys tokenizer.ggml.*.
  std::string model;                        ///< "gpt2" (byte-level BPE) or "llama" (SentencePiece BPE)
  std::string pre;                          ///< name of the pre-tokenizer, e.g. "qwen2"
  std::vector<std::string> tokens;
  std::vector<std::int32_t> token_types;    ///< 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
  std::vector<std::string> merges;          ///< "left right"
  std::vector<float> scores;
  std::optional<std::int32_t> bos_id, eos_id, eot_id, unk_id, pad_id;
  std::optional<bool> add_bos, add_eos, add_space_prefix;

  /// Jinja text: `chat_template` of tokenizer_config.json, chat_template.jinja beside it, or tokenizer.chat_template. Empty: none.
  std::string chat_template;
};

/// Whether a token of this text ends an answer: "<|im_end|>", "<|end|>", "<|endoftext|>", ... A GGUF names at most three of the ids that do.
/// `control` is false for a token that is text of the vocabulary: "</s>" ends an answer only where it is a control token.
/// Source: the same texts as llama.cpp (llama-vocab.cpp, load, special_eog_ids), without its fill-in-the-middle tokens.
bool ends_generation(std::string_view token, bool control) noexcept;

/// Ids of a GGUF's tokens that end an answer, by their text; empty for other kinds.
std::vector<std::int32_t> end_of_generation_ids(const TokenizerSource& source);

/// Reads the text side of a folder with tokenizer files, a .gguf (a vocabulary without weights is enough) or a tokenizer.json.
/// kind is kNone when the folder or file has no tokenizer. Errors: kNotFound, kIo, kFormat.
TokenizerSource load_tokenizer_source(const std::filesystem::path& path);

}  // namespace qbench::formats
