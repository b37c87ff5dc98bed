#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/split_regex.h"

namespace qbench::text {

/// A token that stands beside the model's vocabulary and is recognised in the text before anything else happens to it.
struct AddedToken {
  std::int32_t id = 0;
  std::string content;
  bool special = false;      ///< left out by decode(skip_special)
  bool lstrip = false;       ///< takes the white space before it along
  bool rstrip = false;       ///< takes the white space behind it along
  bool single_word = false;  ///< counts only between characters that are no word characters
  bool normalized = false;   ///< looked for in the normalised text, by its normalised content
};

/// Finds added tokens: of those that begin first the longest (Aho-Corasick's leftmost-longest), as Hugging Face tokenizers does.
/// llama.cpp looks for the longest token in the whole text first; the two differ only where tokens overlap.
class AddedTokenMatcher {
 public:
  struct Pattern {
    std::string text;
    AddedToken token;
  };
  /// A stretch of the text: a token's, or plain when id is kText.
  struct Segment {
    static constexpr std::int32_t kText = -1;
    std::int32_t id;
    std::size_t begin, end;
  };

  AddedTokenMatcher();
  /// Of two patterns with one text the later counts. None may be empty.
  explicit AddedTokenMatcher(std::vector<Pattern> patterns);

  /// The segments of a valid UTF-8 text in order. Plain segments are not empty.
  std::vector<Segment> split(std::string_view text, MatchScratch& scratch) const;

 private:
  const Pattern* longest_at(std::string_view text, std::size_t at) const noexcept;
  bool stands_alone(std::string_view text, std::size_t begin, std::size_t end, MatchScratch& scratch) const;

  std::vector<Pattern> patterns_;           ///< ascending by text
  std::array<bool, 256> begins_{};          ///< first bytes of patterns
  std::shared_ptr<const SplitRegex> word_;  ///< one word character; null when no token asks for it
};

}  // namespace qbench::text
