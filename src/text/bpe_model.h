#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "text/vocabulary.h"
#include "text/word_model.h"

namespace qbench::text {

struct MergeRule {
  std::int32_t left, right, result;
};

struct BpeOptions {
  bool byte_level = false;                      ///< a symbol starts as a byte, otherwise as a character
  bool byte_fallback = false;                   ///< a character that is no token becomes its bytes' tokens <0x00> to <0xFF>
  bool fuse_unknown = false;                    ///< unknown characters in a row become one unknown token
  bool ignore_merges = false;                   ///< a word that is a token is that token, whatever the merges say
  std::int32_t unknown_id = Vocabulary::kNone;  ///< kNone: unknown characters are dropped
};

/// Byte-pair encoding with ranked merges: again and again the pair with the lowest rank, the leftmost of equals, is joined (Sennrich et
/// al. 2016, arXiv:1508.07909; in the order of Hugging Face tokenizers). O(n log n) for long words. Const and safe to share.
class BpeModel final : public WordModel {
 public:
  /// rules: by rank; of two for one pair the later counts, as in that library.
  BpeModel(std::shared_ptr<const Vocabulary> vocabulary, std::vector<MergeRule> rules, const BpeOptions& options);

  void encode(std::string_view word, WordScratch& scratch, std::vector<std::int32_t>& ids) const override;
  const std::vector<MergeRule>& rules() const noexcept { return rules_; }

 private:
  struct Slot {
    std::uint64_t pair;
    std::uint32_t rank;
    std::int32_t result;
  };
  enum class Whole : std::uint8_t { kUnknown, kYes, kNo };

  const Slot* find_pair(std::int32_t left, std::int32_t right) const noexcept;
  void split_into_symbols(std::string_view word, std::vector<std::int32_t>& symbols) const;
  bool append_fallback(std::string_view character, std::vector<std::int32_t>& symbols) const;
  void merge_short(WordScratch& scratch) const;
  void merge_long(WordScratch& scratch) const;

  std::shared_ptr<const Vocabulary> vocabulary_;
  std::vector<MergeRule> rules_;
  std::vector<Slot> slots_;  ///< open addressing, a power of two
  BpeOptions options_;
  std::array<std::int32_t, 256> byte_ids_{};  ///< of a byte's own token, by byte value
  /// Whether the merges turn a token's bytes back into that one token: found out once, the same for every thread.
  std::unique_ptr<std::atomic<Whole>[]> whole_;
};

}  // namespace qbench::text
