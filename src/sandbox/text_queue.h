#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace qbench::sandbox {

/// Bytes that are appended at one end and taken at the other, in time that grows with the bytes alone, however many pieces they are taken
/// in.
class TextQueue {
 public:
  TextQueue() = default;
  explicit TextQueue(std::string text) : text_(std::move(text)) {}

  std::string_view view() const { return std::string_view(text_).substr(begin_); }
  std::size_t size() const { return text_.size() - begin_; }
  bool empty() const { return size() == 0; }
  void append(std::string_view bytes) { text_.append(bytes); }
  void drop(std::size_t bytes) {
    begin_ += bytes;
    if (begin_ * 2 < text_.size()) return;
    text_.erase(0, begin_);
    begin_ = 0;
  }
  /// All that is left.
  std::string take() {
    drop(0);
    return begin_ == 0 ? std::exchange(text_, {}) : std::exchange(text_, {}).substr(std::exchange(begin_, 0));
  }

 private:
  std::string text_;
  std::size_t begin_ = 0;
};

}  // namespace qbench::sandbox
