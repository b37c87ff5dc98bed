#include "quality/prompt/token_map.h"

#include <algorithm>

namespace qbench::quality {

TokenMap::TokenMap(const text::Tokenizer& tokenizer, std::string_view text, bool add_special)
    : ids_(tokenizer.encode(text, {.add_special = false})) {
  std::string written;
  begins_.reserve(ids_.size());
  for (const std::int32_t id : ids_) {
    begins_.push_back(written.size());
    written += tokenizer.piece(id);
  }
  if (written == " " + std::string(text)) {  // the blank that SentencePiece puts first
    for (std::size_t& begin : begins_) begin -= begin > 0 ? 1 : 0;
  } else if (written != text) {
    exact_ = false;
    place_in_proportion(text.size());
  }
  if (!add_special) return;
  std::vector<std::int32_t> whole = tokenizer.encode(text, {.add_special = true});
  const auto found = std::search(whole.begin(), whole.end(), ids_.begin(), ids_.end());
  if (found == whole.end() && !ids_.empty()) {  // no text is written differently behind a BOS, but a tokenizer may surprise
    exact_ = false;
    begins_.resize(whole.size());
    place_in_proportion(text.size());
  } else {
    added_ = found - whole.begin();
  }
  ids_ = std::move(whole);
}

void TokenMap::place_in_proportion(std::size_t bytes) {
  for (std::size_t i = 0; i < begins_.size(); ++i) begins_[i] = bytes * i / begins_.size();
}

TokenSpan TokenMap::tokens_of(TextSpan span) const {
  const auto at = [&](std::size_t byte) { return added_ + (std::lower_bound(begins_.begin(), begins_.end(), byte) - begins_.begin()); };
  return {at(span.begin), at(span.end)};
}

}  // namespace qbench::quality
