#include "text/thinking.h"

#include <algorithm>

namespace qbench::text {
namespace {

constexpr std::string_view kOpen = "<think>";
constexpr std::string_view kClose = "</think>";
constexpr std::string_view kSpace = " \t\r\n";

std::string_view without_newlines(std::string_view text) {
  const std::size_t start = std::min(text.find_first_not_of("\r\n"), text.size());
  text.remove_prefix(start);
  const std::size_t last = text.find_last_not_of("\r\n");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

/// Bytes at the end of `text` that may be the start of `tag`.
std::size_t partial_tag(std::string_view text, std::string_view tag) {
  for (std::size_t length = std::min(text.size(), tag.size() - 1); length > 0; --length) {
    if (text.ends_with(tag.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

bool opens_thinking(std::string_view prompt) {
  const std::size_t open = prompt.rfind(kOpen);
  if (open == std::string_view::npos) return false;
  const std::size_t close = prompt.rfind(kClose);
  // Only a tag that ends the prompt was opened for the model; one in a user's message is text.
  const bool ends_prompt = prompt.find_first_not_of(kSpace, open + kOpen.size()) == std::string_view::npos;
  return ends_prompt && (close == std::string_view::npos || close < open);
}

ThinkingSplit split_thinking(std::string_view output, bool opened_in_prompt) {
  ThinkingSplit split;
  const std::size_t first = std::min(output.find_first_not_of(kSpace), output.size());
  const bool opens = output.substr(first).starts_with(kOpen);
  const std::string_view body = opens ? output.substr(first + kOpen.size()) : output;
  const std::size_t close = body.find(kClose);
  if (close != std::string_view::npos) {
    split.thinking = without_newlines(body.substr(0, close));
    const std::string_view answer = body.substr(close + kClose.size());
    split.answer = answer.substr(std::min(answer.find_first_not_of("\r\n"), answer.size()));
  } else if (opens || opened_in_prompt) {
    split.thinking = without_newlines(body);
    split.closed = false;
  } else {
    split.answer = output;
  }
  return split;
}

ThinkingStream::Pieces ThinkingStream::push(std::string_view piece) {
  held_ += piece;
  Pieces pieces;
  if (state_ == State::kStart) {
    const std::size_t first = held_.find_first_not_of(kSpace);
    if (first == std::string::npos) return pieces;
    const std::string_view text = std::string_view(held_).substr(first);
    if (text.size() < kOpen.size() && kOpen.starts_with(text)) return pieces;
    const bool opens = text.starts_with(kOpen);
    if (opens) held_.erase(0, first + kOpen.size());
    state_ = opens ? State::kThinking : State::kAnswer;
  }
  if (state_ == State::kThinking) {
    const std::size_t close = held_.find(kClose);
    if (close == std::string::npos) {
      const std::size_t sure = held_.size() - partial_tag(held_, kClose);
      pieces.thinking = held_.substr(0, sure);
      held_.erase(0, sure);
      return pieces;
    }
    pieces.thinking = held_.substr(0, close);
    held_.erase(0, close + kClose.size());
    state_ = State::kAnswer;
  }
  pieces.answer = std::move(held_);
  held_.clear();
  return pieces;
}

ThinkingStream::Pieces ThinkingStream::finish() {
  Pieces pieces;
  (state_ == State::kThinking ? pieces.thinking : pieces.answer) = std::move(held_);
  held_.clear();
  return pieces;
}

}  // namespace qbench::text
