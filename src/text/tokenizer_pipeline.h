#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"
#include "text/token_decoder.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"
#include "text/word_model.h"

namespace qbench::text {

/// What the loaders put together.
struct TokenizerParts {
  std::string where;
  std::shared_ptr<const Vocabulary> vocabulary;
  std::unique_ptr<const WordModel> model;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  TokenDecoder decoder;
  std::vector<AddedToken> added;
  bool added_are_verbatim = false;           ///< added tokens decode to their content itself (GGUF), otherwise through the decoder
  std::vector<std::int32_t> prefix, suffix;  ///< what add_special writes around the text
  std::optional<std::int32_t> bos, eos;
  std::int64_t size = 0;  ///< one past the last id
  std::string settings;   ///< patterns, merges, scores and the like, as the fingerprint sees them
};

/// Added tokens, normaliser, pre-tokenizer, model, in that order, as Hugging Face tokenizers runs them.
class TokenizerPipeline final : public Tokenizer {
 public:
  /// Error{kFormat} when added tokens contradict each other or the vocabulary.
  explicit TokenizerPipeline(TokenizerParts parts);

  std::vector<std::int32_t> encode(std::string_view text, const EncodeOptions& options) const override;
  std::string decode(std::span<const std::int32_t> ids, bool skip_special) const override;
  std::string piece(std::int32_t id, bool skip_special) const override;
  std::int64_t vocab_size() const override { return parts_.size; }
  std::optional<std::int32_t> id_of(std::string_view token) const override;
  bool is_special(std::int32_t id) const override;
  std::optional<std::int32_t> bos_id() const override { return parts_.bos; }
  std::optional<std::int32_t> eos_id() const override { return parts_.eos; }
  std::string fingerprint() const override;

 private:
  struct Added {
    AddedToken token;
    std::string decoded;  ///< the text that the decoder sees
  };
  struct Scratch;
  void add_tokens();
  void encode_text(std::string_view text, bool at_start, Scratch& scratch, std::vector<std::int32_t>& ids) const;
  void check_id(std::int32_t id) const;

  TokenizerParts parts_;
  AddedTokenMatcher before_normalizing_, after_normalizing_;
  std::unordered_map<std::int32_t, Added> added_;
  std::unordered_map<std::string, std::int32_t> added_ids_;
};

}  // namespace qbench::text
