#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "quality/prompt/prompt_lines.h"
#include "text/tokenizer.h"

namespace qbench::quality {

/// A range of tokens.
struct TokenSpan {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
  bool operator==(const TokenSpan&) const = default;
};

/// Where the tokens of a text begin in it.
class TokenMap {
 public:
  /// Encodes the text; `add_special` as in EncodeOptions.
  TokenMap(const text::Tokenizer& tokenizer, std::string_view text, bool add_special);

  const std::vector<std::int32_t>& ids() const { return ids_; }
  std::int64_t size() const { return static_cast<std::int64_t>(ids_.size()); }
  /// False where the tokens' bytes are not the text's (a tokenizer that normalises): places are then estimated by proportion.
  bool exact() const { return exact_; }
  /// Tokens that begin in the span: spans that cover a text share out its tokens. What the tokenizer adds at the front lies before byte 0.
  TokenSpan tokens_of(TextSpan span) const;

 private:
  void place_in_proportion(std::size_t bytes);

  std::vector<std::int32_t> ids_;
  std::vector<std::size_t> begins_;  // (tokens behind added_) byte at which each begins
  std::int64_t added_ = 0;           // tokens that the tokenizer put in front
  bool exact_ = true;
};

}  // namespace qbench::quality
