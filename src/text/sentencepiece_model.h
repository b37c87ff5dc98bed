#pragma once

#include <array>
#include <memory>
#include <vector>

#include "text/vocabulary.h"
#include "text/word_model.h"

namespace qbench::text {

/// SentencePiece's BPE as a GGUF states it: a token list with scores and no merges. Again and again the adjacent pair whose
/// concatenation is the token with the highest score, the leftmost of equals, is joined; characters that are no token become their bytes'
/// tokens, or the unknown token where there are none. O(n log n). Source: llama.cpp's `llama` vocabulary type, as facts.
class SentencePieceModel final : public WordModel {
 public:
  /// scores: by id, no NaN. unknown_id: kNone only when every byte has its token.
  SentencePieceModel(std::shared_ptr<const Vocabulary> vocabulary, std::vector<float> scores, std::int32_t unknown_id);

  void encode(std::string_view word, WordScratch& scratch, std::vector<std::int32_t>& ids) const override;

 private:
  struct Candidate {
    float score;
    std::uint32_t left, bytes;
  };
  void merge(std::string_view word, WordScratch& scratch) const;

  std::shared_ptr<const Vocabulary> vocabulary_;
  std::vector<float> scores_;
  std::array<std::int32_t, 256> byte_ids_{};
  std::int32_t unknown_id_;
};

}  // namespace qbench::text
