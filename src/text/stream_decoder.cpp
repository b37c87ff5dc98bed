#include "text/tokenizer.h"
#include "text/utf8.h"

namespace qbench::text {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special) : tokenizer_(&tokenizer), skip_special_(skip_special) {}

std::string StreamDecoder::push(std::int32_t id) {
  const std::string piece = tokenizer_->piece(id, skip_special_);
  if (first_ && !piece.empty()) {
    pending_ += tokenizer_->decode(std::span(&id, 1), skip_special_);  // takes off the blank that begins a text
    first_ = false;
  } else {
    pending_ += piece;
  }
  const std::size_t complete = complete_utf8_prefix(pending_);
  std::string text = replace_invalid_utf8(std::string_view(pending_).substr(0, complete));
  pending_.erase(0, complete);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text = replace_invalid_utf8(pending_);
  pending_.clear();
  first_ = true;
  return text;
}

}  // namespace qbench::text
