#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace qbench::text {

/// Memory that one encode call uses again for each of its words.
struct WordScratch {
  struct Node {
    std::int32_t id;           ///< BPE: the symbol; SentencePiece: bytes of the symbol, 0 once it was merged away
    std::uint32_t prev, next;  ///< kEnd past either end
  };
  static constexpr std::uint32_t kEnd = 0xFFFFFFFFu;
  std::vector<std::int32_t> symbols;
  std::vector<std::uint32_t> ranks, offsets;
  std::vector<Node> nodes;
  std::vector<std::uint64_t> heap;
};

/// Turns one word (a piece that the pre-tokenizer cut out) into ids.
class WordModel {
 public:
  virtual ~WordModel() = default;
  /// Appends the ids of a word of valid UTF-8, shorter than 2^32 bytes.
  virtual void encode(std::string_view word, WordScratch& scratch, std::vector<std::int32_t>& ids) const = 0;
};

}  // namespace qbench::text
