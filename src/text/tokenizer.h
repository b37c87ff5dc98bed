#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tokenizer_source.h"

namespace qbench::text {

struct EncodeOptions {
  bool add_special = true;  ///< the BOS and EOS that the tokenizer adds; added tokens written in the text are always recognised
};

/// Text to ids and back, as the checkpoint's own tokenizer does it. Const and safe to share between threads.
/// Bytes of a text that are not UTF-8 are read as U+FFFD, as Python's errors="replace" reads them. Unicode properties are those of PCRE2's
/// tables (10.42: Unicode 14), normalisation is Unicode 9's (see nfc.h).
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  virtual std::vector<std::int32_t> encode(std::string_view text, const EncodeOptions& options = {}) const = 0;
  /// Bytes of a sequence, not necessarily UTF-8 (replace_invalid_utf8 in utf8.h mends them; the Python library blanks a whole run of
  /// byte-fallback tokens where one of them is wrong). Special tokens are written as their text unless skip_special. Ids outside the vocabulary are Error{kUsage}.
  virtual std::string decode(std::span<const std::int32_t> ids, bool skip_special = false) const = 0;
  /// The bytes that one token appends to a text (may be part of a UTF-8 character); empty for special tokens when skip_special.
  virtual std::string piece(std::int32_t id, bool skip_special = false) const = 0;
  virtual std::int64_t vocab_size() const = 0;                         ///< ids from here on are padding rows of the model
  virtual std::optional<std::int32_t> id_of(std::string_view token) const = 0;
  virtual bool is_special(std::int32_t id) const = 0;
  virtual std::optional<std::int32_t> bos_id() const = 0;
  virtual std::optional<std::int32_t> eos_id() const = 0;
  virtual std::string fingerprint() const = 0;                         ///< SHA-256 of vocabulary, merges, patterns and added tokens
};

/// Errors: kNotFound when the source is kNone, kFormat on broken data, kUnsupported on a kind or pre-tokenizer that is not known (the message names it).
std::unique_ptr<Tokenizer> make_tokenizer(const formats::TokenizerSource& source);

/// Turns a stream of tokens into whole UTF-8 characters. Bytes that can never become a character come out as U+FFFD.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = true);
  std::string push(std::int32_t id);  ///< text that became complete; may be empty
  std::string finish();               ///< what is left, incomplete characters as U+FFFD

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  bool first_ = true;
  std::string pending_;
};

}  // namespace qbench::text
